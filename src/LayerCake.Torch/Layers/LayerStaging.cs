using System.Buffers;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// Memory for the weights of one decoder layer in one piece, from which a GPU can copy by itself: read into on several threads, sent as a whole, used again for the
/// next layer.
/// </summary>
internal sealed unsafe class LayerStaging : IDisposable
{
    /// <summary>Values read at a time: enough for the disk, little enough to be looked at while in the cache.</summary>
    private const int PieceLength = 2 << 20;

    /// <summary>Where a tensor begins, in values: kernels want whole cache lines.</summary>
    private const long Alignment = 128;

    private readonly ModelConfiguration _configuration;
    private readonly List<Place> _places = [];
    private readonly Tensor _memory;

    /// <param name="configuration">The model.</param>
    /// <param name="pinned">In pages that a GPU can read by itself: 20 times faster to copy there.</param>
    public LayerStaging(ModelConfiguration configuration, bool pinned)
    {
        _configuration = configuration;
        var family = ModelFamily.Of(configuration);
        long length = 0;
        foreach (var linear in family.Linears(configuration))
        {
            Add($"{linear.Name}.weight", linear.OutputSize, linear.InputSize);
            if (linear.HasBias)
            {
                Add($"{linear.Name}.bias", linear.OutputSize);
            }
        }

        foreach (var norm in family.LayerNorms)
        {
            Add($"{norm}.weight", configuration.HiddenSize);
        }

        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        var memory = empty(length, ScalarType.Float16);
        _memory = (pinned ? memory.pin_memory() : memory).DetachFromDisposeScope();

        void Add(string name, params long[] shape)
        {
            _places.Add(new Place(name, shape, length));
            length += (shape.Aggregate((left, right) => left * right) + Alignment - 1) / Alignment * Alignment;
        }
    }

    /// <summary>Bytes of a layer, on the host as on the device.</summary>
    public long ByteCount => _memory.NumberOfElements * sizeof(ushort);

    /// <summary>Reads a layer; bfloat16 and float32 weights are rounded to float16 as the original's loading does.</summary>
    /// <exception cref="CheckpointException">A tensor is absent or cannot be read.</exception>
    /// <exception cref="TorchException">A weight is not finite in float16.</exception>
    public void Read(ITensorSource source, int layer, CancellationToken cancellation)
    {
        var family = ModelFamily.Of(_configuration);
        var pieces = new List<(TensorInfo Tensor, long First, int Count, nint To)>();
        var memory = (Half*)TensorLoading.NativeMemoryOf(_memory);
        foreach (var place in _places)
        {
            var tensor = source.Find(family.Module(layer, place.Name));
            for (long first = 0; first < place.Length; first += PieceLength)
            {
                pieces.Add((tensor, first, (int)Math.Min(PieceLength, place.Length - first), (nint)(memory + place.First + first)));
            }
        }

        var options = new ParallelOptions { CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(pieces, options, piece => ReadPiece(source, piece.Tensor, piece.First, new Span<Half>((Half*)piece.To, piece.Count)));
        }
        catch (AggregateException failures) when (failures.InnerExceptions.FirstOrDefault(failure => failure is CheckpointException or TorchException) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>
    /// The layer that was read last, on a device. From pinned memory to a GPU the copy is only queued: what is queued behind it sees the weights, and the memory must not
    /// be read into again before something behind it has been waited for.
    /// </summary>
    public LayerWeights To(Device device)
    {
        using var scope = NewDisposeScope();
        var all = _memory.to(device, copy: true, non_blocking: true);
        return new LayerWeights(_places.Select(place => KeyValuePair.Create(place.Name, all.narrow(0, place.First, place.Length).view(place.Shape).DetachFromDisposeScope())));
    }

    public void Dispose() => _memory.Dispose();

    private static void ReadPiece(ITensorSource source, TensorInfo tensor, long first, Span<Half> to)
    {
        if (tensor.DType == DType.F16)
        {
            source.Read(tensor.Name, first * sizeof(ushort), MemoryMarshal.AsBytes(to));
        }
        else
        {
            var size = tensor.DType == DType.F32 ? sizeof(float) : sizeof(ushort);
            var buffer = ArrayPool<byte>.Shared.Rent(to.Length * size);
            var bytes = buffer.AsSpan(0, to.Length * size);
            source.Read(tensor.Name, first * size, bytes);
            Round(bytes, tensor.DType, to);
            ArrayPool<byte>.Shared.Return(buffer);
        }

        bool isFinite;
        fixed (Half* values = to)
        {
            isFinite = FiniteCheck.AllFinite(values, to.Length);
        }

        if (!isFinite)
        {
            throw LayerWeights.NotFinite(source, tensor.Name);
        }
    }

    private static void Round(ReadOnlySpan<byte> bytes, DType dtype, Span<Half> to)
    {
        fixed (byte* from = bytes)
        fixed (Half* values = to)
        {
            if (dtype == DType.BF16)
            {
                Float16Lanes.RoundBFloat16((ushort*)from, values, to.Length);
            }
            else
            {
                Float16Lanes.RoundSingle((float*)from, values, to.Length);
            }
        }
    }

    private sealed record Place(string Name, long[] Shape, long First)
    {
        public long Length { get; } = Shape.Aggregate((left, right) => left * right);
    }
}
