using LayerCake.Quantization;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// Hidden states of all samples in float16, [samples, tokens, channels]: on the device that computes where they fit, else in pages of the host that it reads and writes by
/// itself, a batch at a time.
/// </summary>
internal sealed unsafe class DeviceStates : IKeptStates, IDisposable
{
    private const int Piece = 1 << 26;

    private readonly Device _device;
    private readonly Tensor _values;

    /// <param name="values">Copied.</param>
    /// <param name="device">What computes.</param>
    /// <param name="onHost">Whether they are to stay in the host's memory.</param>
    public DeviceStates(Tensor values, Device device, bool onHost)
    {
        using var scope = NewDisposeScope();
        _device = device;
        OnHost = onHost && device.type == DeviceType.CUDA;
        if (OnHost)
        {
            using var plain = empty(values.shape, ScalarType.Float16);
            _values = plain.pin_memory();
        }
        else
        {
            _values = empty(values.shape, ScalarType.Float16, device);
        }

        _values.copy_(values);
        _values.DetachFromDisposeScope();
    }

    /// <summary>A copy of the processor's, on a device.</summary>
    public static DeviceStates Of(HiddenStates states, Device device)
    {
        using var scope = NewDisposeScope();
        var values = empty([states.Samples, states.Tokens, states.Channels], ScalarType.Float16);
        Buffer.MemoryCopy(states.Sample(0), (void*)TensorLoading.NativeMemoryOf(values), states.ByteCount, states.ByteCount);
        return new DeviceStates(values, device, onHost: false);
    }

    public bool OnHost { get; }

    public int Samples => (int)_values.shape[0];

    public int Tokens => (int)_values.shape[1];

    public long ByteCount => _values.NumberOfElements * sizeof(ushort);

    /// <summary>Some samples on the device, to be read only; the caller's scope owns them.</summary>
    public Tensor Read(int first, int count)
    {
        using var scope = NewDisposeScope();
        return _values.narrow(0, first, count).to(_device).MoveToOuterDisposeScope();
    }

    /// <summary>Samples in some order, copied to the device; the caller's scope owns them.</summary>
    public Tensor Read(IReadOnlyList<int> samples)
    {
        using var scope = NewDisposeScope();
        return cat([.. samples.Select(sample => _values.narrow(0, sample, 1).to(_device))], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Writes some samples; values are float16 values already.</summary>
    public void Write(int first, Tensor values)
    {
        using var scope = NewDisposeScope();
        _values.narrow(0, first, values.shape[0]).copy_(values);
    }

    /// <summary>Queued behind what the device is doing.</summary>
    public void CopyFrom(DeviceStates other) => _values.copy_(other._values, true);

    public void WriteTo(ILayerPart part) => EachSample((memory, bytes) =>
    {
        for (long offset = 0; offset < bytes; offset += Piece)
        {
            part.Write(new ReadOnlySpan<byte>((byte*)memory + offset, (int)Math.Min(Piece, bytes - offset)));
        }
    }, fill: false);

    public void ReadFrom(Stream content) => EachSample((memory, bytes) =>
    {
        for (long offset = 0; offset < bytes; offset += Piece)
        {
            content.ReadExactly(new Span<byte>((byte*)memory + offset, (int)Math.Min(Piece, bytes - offset)));
        }
    }, fill: true);

    public void Dispose() => _values.Dispose();

    private void EachSample(Action<nint, long> use, bool fill)
    {
        if (OnHost)
        {
            // What is queued may still be writing.
            cuda.synchronize(_device);
        }

        for (var sample = 0; sample < Samples; sample++)
        {
            using var scope = NewDisposeScope();
            var values = _values[sample];
            var host = values.cpu();
            use(TensorLoading.NativeMemoryOf(host), host.NumberOfElements * sizeof(ushort));
            if (fill)
            {
                values.copy_(host);
            }
        }
    }
}
