using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using LayerCake.Checkpoints;
using LayerCake.Models;

namespace LayerCake.Quantization.Awq;

/// <summary>
/// Finished layers, kept as they are written and put back by a run that goes on. A part holds a layer's tensors, each with name and length, then the errors of its
/// linears.
/// </summary>
/// <remarks>
/// All but <see cref="AddSmall"/> is called by one thread at a time, layer after layer. A layer is kept where it is small or took long to make: on a machine that makes it
/// as fast as the disk takes it, keeping all of them would double the time and save little.
/// </remarks>
internal sealed class AwqParts(ILayerParts? parts, ModelConfiguration configuration, WeightFiles files, IReadOnlyList<TensorInfo> tensors) : IDisposable
{
    private const int PieceBytes = 1 << 20;
    private const int MaxNameBytes = 1 << 10;

    /// <summary>Layers up to this size are always kept.</summary>
    private const long SmallLayer = 16L << 20;

    /// <summary>How many times as long as writing it a larger layer must take to be worth keeping.</summary>
    private const int Worth = 5;

    /// <summary>What a disk is taken to write in a second.</summary>
    private const long AssumedRate = 500L << 20;

    // In place of a name's length, before the errors.
    private const int ErrorsFollow = -1;

    private readonly ModelFamily _family = ModelFamily.Of(configuration);
    private readonly Lock _gate = new();
    private readonly Dictionary<int, List<(string Name, byte[] Bytes)>> _small = [];
    private readonly TimeSpan _worthKeeping = WorthKeeping(configuration, tensors);
    private ILayerPart? _part;
    private int _passedOver = -1;
    private long _since = Stopwatch.GetTimestamp();
    private TimeSpan _lastTook;

    public bool AreKept => parts is not null;

    /// <summary>Whether an earlier run finished a layer, and what it kept is whole.</summary>
    public bool Has(int layer)
    {
        using var content = parts?.TryOpen(NameOf(layer));
        return content is not null && ReadAll(content, layer, (_, count) => content.Seek(count, SeekOrigin.Current)) is not null;
    }

    /// <summary>Writes the layers that an earlier run finished into the files.</summary>
    /// <param name="layers">Only those before this one.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <returns>The errors of their linears, by layer.</returns>
    public Dictionary<int, IReadOnlyList<LinearError>> Restore(int layers, CancellationToken cancellation)
    {
        var restored = new Dictionary<int, IReadOnlyList<LinearError>>();
        for (var layer = 0; parts is not null && layer < layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var content = parts.TryOpen(NameOf(layer));
            if (content is null)
            {
                continue;
            }

            if (ReadAll(content, layer, (_, count) => content.Seek(count, SeekOrigin.Current)) is null)
            {
                parts.Remove(NameOf(layer));
                continue;
            }

            content.Position = 0;
            restored.Add(layer, ReadAll(content, layer, (name, count) => CopyTo(name, content, count))!);
        }

        if (restored.Count > 0)
        {
            parts!.Resumed(restored.Count, configuration.LayerCount);
        }

        return restored;
    }

    /// <summary>Keeps a norm or a bias until its layer is finished; any thread.</summary>
    public void AddSmall(int layer, string name, ReadOnlySpan<byte> bytes)
    {
        if (parts is null)
        {
            return;
        }

        lock (_gate)
        {
            if (!_small.TryGetValue(layer, out var list))
            {
                _small.Add(layer, list = []);
            }

            list.Add((name, bytes.ToArray()));
        }
    }

    /// <summary>Begins a tensor of a layer.</summary>
    public void Start(int layer, string name, long byteCount)
    {
        if (parts is not null && _part is null && _passedOver != layer)
        {
            if (_lastTook >= _worthKeeping)
            {
                _part = parts.Begin(NameOf(layer));
            }
            else
            {
                _passedOver = layer;
            }
        }

        if (_part is not null)
        {
            WriteName(name);
            WriteLong(byteCount);
        }
    }

    /// <summary>Adds to the tensor begun last.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => _part?.Write(bytes);

    /// <summary>The layer is finished.</summary>
    public void Commit(int layer, IReadOnlyList<LinearError> errors)
    {
        if (parts is null)
        {
            return;
        }

        List<(string Name, byte[] Bytes)>? small;
        lock (_gate)
        {
            _small.Remove(layer, out small);
        }

        (_lastTook, _since) = (Stopwatch.GetElapsedTime(_since), Stopwatch.GetTimestamp());
        if (_passedOver == layer)
        {
            return;
        }

        foreach (var (name, bytes) in small ?? [])
        {
            Start(layer, name, bytes.Length);
            Add(bytes);
        }

        WriteInteger(ErrorsFollow);
        WriteInteger(errors.Count);
        foreach (var error in errors)
        {
            WriteName(error.Name);
            WriteLong(BitConverter.DoubleToInt64Bits(error.RelativeError));
        }

        _part!.Commit();
        _part.Dispose();
        _part = null;
    }

    public void Dispose()
    {
        _part?.Dispose();
        _part = null;
    }

    private static TimeSpan WorthKeeping(ModelConfiguration configuration, IReadOnlyList<TensorInfo> tensors)
    {
        var prefix = $"{ModelFamily.Of(configuration).Layer(0)}.";
        var bytes = tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(tensor => tensor.ByteCount);
        return bytes <= SmallLayer ? TimeSpan.Zero : TimeSpan.FromSeconds((double)Worth * bytes / AssumedRate);
    }

    private static string NameOf(int layer) => string.Create(CultureInfo.InvariantCulture, $"layer.{layer}");

    /// <summary>Reads a part through; every tensor of the layer must be there once with its length, and nothing else. Null where it is not so.</summary>
    private List<LinearError>? ReadAll(Stream content, int layer, Action<string, long> take)
    {
        var prefix = $"{_family.Layer(layer)}.";
        var wanted = tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(tensor => tensor.Name, tensor => tensor.ByteCount);
        int length;
        while ((length = ReadInteger(content)) != ErrorsFollow)
        {
            if (ReadName(content, length) is not { } name || !wanted.Remove(name, out var bytes) || ReadLong(content) != bytes || content.Length - content.Position < bytes)
            {
                return null;
            }

            take(name, bytes);
        }

        var linears = _family.Linears(configuration).Select(linear => _family.Module(layer, linear.Name)).ToHashSet();
        var errors = new List<LinearError>();
        if (wanted.Count > 0 || ReadInteger(content) != linears.Count)
        {
            return null;
        }

        while (linears.Count > 0)
        {
            if (ReadName(content, ReadInteger(content)) is not { } name || !linears.Remove(name) || ReadLong(content) is not { } bits)
            {
                return null;
            }

            errors.Add(new LinearError(name, BitConverter.Int64BitsToDouble(bits)));
        }

        return content.Position == content.Length ? errors : null;
    }

    private void CopyTo(string name, Stream content, long count)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (count > 0)
            {
                var read = (int)Math.Min(count, PieceBytes);
                content.ReadExactly(piece, 0, read);
                files.Write(name, piece.AsSpan(0, read));
                count -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private void WriteName(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        WriteInteger(bytes.Length);
        _part!.Write(bytes);
    }

    private void WriteInteger(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _part!.Write(bytes);
    }

    private void WriteLong(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _part!.Write(bytes);
    }

    private static string? ReadName(Stream content, int length)
    {
        if (length is < 0 or > MaxNameBytes)
        {
            return null;
        }

        var bytes = new byte[length];
        return content.ReadAtLeast(bytes, length, throwOnEndOfStream: false) == length ? Encoding.UTF8.GetString(bytes) : null;
    }

    // Past the end: a length that fits nothing.
    private static int ReadInteger(Stream content)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        return content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : int.MinValue;
    }

    private static long? ReadLong(Stream content)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        return content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : null;
    }
}
