using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// Finished layers of a calibration: the statistics of each (<c>layer.N</c>), and the hidden states after one of them (<c>states.N</c>), which is where a later run
/// goes on. The states before are removed once newer ones are durable.
/// </summary>
/// <remarks>
/// Statistics are small and kept after every layer. So are states up to <see cref="SmallStates"/>, from a copy, while the next layer is computed. Larger ones are
/// kept when the time since the last keeping, or the start, is <see cref="Rarity"/> times what that took, so that keeping them costs a thirtieth of the time at most.
/// </remarks>
internal sealed unsafe class CalibrationParts(CalibrationRequest request, CalibrationStatistics statistics) : IDisposable
{
    /// <summary>Bytes of hidden states that are always kept.</summary>
    public const long SmallStates = 64L << 20;

    private const int Rarity = 30;

    /// <summary>What a disk is taken to write in a second until it was seen.</summary>
    private const long AssumedRate = 500L << 20;
    private const int Piece = 1 << 26;

    private readonly ILayerParts? _parts = request.Parts;
    private readonly ModelConfiguration _configuration = request.Configuration;
    private readonly ModelFamily _family = ModelFamily.Of(request.Configuration);
    private readonly long _stateBytes = BytesOfStates(request.Configuration, request.Samples.Count, request.Samples[0].Length);
    private Stream? _found;
    private Task _keeping = Task.CompletedTask;
    private byte* _copy;
    private int _kept = -1;
    private long _keptAt = Stopwatch.GetTimestamp();
    private TimeSpan _took = TimeSpan.FromSeconds((double)BytesOfStates(request.Configuration, request.Samples.Count, request.Samples[0].Length) / AssumedRate);

    public bool AreKept => _parts is not null;

    /// <summary>Bytes of the hidden states of all samples, in float16.</summary>
    public static long BytesOfStates(ModelConfiguration configuration, int samples, int tokens) => 2L * samples * tokens * configuration.HiddenSize;

    /// <summary>Puts back the statistics of the layers that an earlier run finished.</summary>
    /// <returns>How many layers need not be computed.</returns>
    public int Restore()
    {
        for (var finished = _configuration.LayerCount; _parts is not null && finished > 0; finished--)
        {
            _found = _parts.TryOpen(StatesOf(finished - 1));
            if (_found?.Length == _stateBytes && ReadStatistics(finished) is { } contents)
            {
                for (var layer = 0; layer < finished; layer++)
                {
                    PutBack(layer, contents[layer]);
                }

                _kept = finished - 1;
                _parts.Resumed(finished, _configuration.LayerCount);
                return finished;
            }

            _found?.Dispose();
            _found = null;
        }

        return 0;
    }

    /// <summary>Reads the hidden states after the layers of <see cref="Restore"/>, [samples, tokens, channels] in float16.</summary>
    public void ReadStates(byte* memory)
    {
        for (long offset = 0; offset < _stateBytes; offset += Piece)
        {
            _found!.ReadExactly(new Span<byte>(memory + offset, (int)Math.Min(Piece, _stateBytes - offset)));
        }

        _found!.Dispose();
        _found = null;
    }

    /// <summary>Whether the states after the layer that just ended are to be kept.</summary>
    public bool WantStates => AreKept && (_stateBytes <= SmallStates || Stopwatch.GetElapsedTime(_keptAt) >= _took * Rarity);

    /// <summary>Keeps a finished layer, small states while the caller goes on.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="states">The hidden states after it, which may change once this returns.</param>
    public void Keep(int layer, nint states)
    {
        if (!AreKept)
        {
            return;
        }

        var content = Serialize(layer);
        _keeping.GetAwaiter().GetResult();
        if (!WantStates)
        {
            states = 0;
        }
        else if (_stateBytes <= SmallStates)
        {
            _copy = _copy != null ? _copy : (byte*)NativeMemory.Alloc((nuint)_stateBytes);
            Buffer.MemoryCopy((void*)states, _copy, _stateBytes, _stateBytes);
            states = (nint)_copy;
        }
        else
        {
            Write(layer, content, states);
            return;
        }

        _keeping = Task.Run(() => Write(layer, content, states), CancellationToken.None);
    }

    /// <summary>Keeps a finished layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="content">Its statistics, from <see cref="Serialize"/>.</param>
    /// <param name="states">The hidden states after it; 0 to keep the statistics alone.</param>
    public void Write(int layer, byte[] content, nint states)
    {
        var started = Stopwatch.GetTimestamp();
        using (var part = _parts!.Begin(LayerOf(layer)))
        {
            part.Write(content);
            part.Commit();
        }

        if (states == 0)
        {
            return;
        }

        using (var part = _parts.Begin(StatesOf(layer)))
        {
            for (long offset = 0; offset < _stateBytes; offset += Piece)
            {
                part.Write(new ReadOnlySpan<byte>((byte*)states + offset, (int)Math.Min(Piece, _stateBytes - offset)));
            }

            part.Commit();
        }

        if (_kept >= 0)
        {
            _parts.Remove(StatesOf(_kept));
        }

        (_kept, _keptAt, _took) = (layer, Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(started));
    }

    /// <summary>A layer's statistics: all float16 values, module after module in the order of the statistics. No names: the part's key pins model and version.</summary>
    public byte[] Serialize(int layer)
    {
        var stream = new MemoryStream();
        foreach (var array in ArraysOf(layer))
        {
            stream.Write(MemoryMarshal.AsBytes(array.AsSpan()));
        }

        return stream.ToArray();
    }

    public void Dispose()
    {
        ((IAsyncResult)_keeping).AsyncWaitHandle.WaitOne();
        _ = _keeping.Exception;
        _found?.Dispose();
        NativeMemory.Free(_copy);
        _copy = null;
    }

    private static string LayerOf(int layer) => string.Create(CultureInfo.InvariantCulture, $"layer.{layer}");

    private static string StatesOf(int layer) => string.Create(CultureInfo.InvariantCulture, $"states.{layer}");

    private List<byte[]>? ReadStatistics(int layers)
    {
        var contents = new List<byte[]>();
        for (var layer = 0; layer < layers; layer++)
        {
            using var part = _parts!.TryOpen(LayerOf(layer));
            if (part is null || part.Length != ArraysOf(layer).Sum(array => 2L * array.Length))
            {
                return null;
            }

            var content = new byte[part.Length];
            part.ReadExactly(content);
            contents.Add(content);
        }

        return contents;
    }

    private void PutBack(int layer, byte[] content)
    {
        var place = 0;
        foreach (var array in ArraysOf(layer))
        {
            var bytes = MemoryMarshal.AsBytes(array.AsSpan());
            content.AsSpan(place, bytes.Length).CopyTo(bytes);
            place += bytes.Length;
        }
    }

    private IEnumerable<Half[]> ArraysOf(int layer)
    {
        var name = _family.Layer(layer);
        var prefix = name + ".";
        foreach (var (module, activation) in statistics.Inputs.Concat(statistics.Outputs))
        {
            if (module.StartsWith(prefix, StringComparison.Ordinal))
            {
                yield return activation.Max;
                yield return activation.Min;
                yield return activation.Mean;
                yield return activation.AbsMax;
                yield return activation.AbsMean;
            }
        }

        foreach (var states in new[] { statistics.Keys[name], statistics.Values[name] })
        {
            yield return states.Max;
            yield return states.Min;
            yield return states.AbsMax;
        }
    }
}
