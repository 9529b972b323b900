using System.Globalization;
using LayerCake.Kernels;

namespace LayerCake.Benchmarks.Kernels;

/// <summary>One layer's attention of a decoding step, 32 KV heads of 128, over caches of bytes and of 16-bit values, beside a plain read of as many bytes.</summary>
internal sealed unsafe class AttentionTable : IWork, IDisposable
{
    private const int Heads = 32;
    private const int HeadSize = 128;
    private const int BlockTokens = 128;

    private readonly NativeBuffer _cache;
    private readonly NativeBuffer _other;
    private readonly FloatBuffer _vectors;
    private readonly FloatBuffer _scores;
    private readonly WorkerPool _workers;
    private readonly int _tokens;
    private CacheType _type;

    private AttentionTable(int tokens, int threads)
    {
        (_tokens, _workers) = (tokens, new WorkerPool(threads));
        _cache = new NativeBuffer(2L * Heads * tokens * HeadSize * sizeof(ushort));
        new Random(1).NextBytes(_cache.Span(0, (int)_cache.ByteCount));

        // As large as the caches: between two runs it takes their place there.
        _other = new NativeBuffer(128L << 20);
        _other.Clear();
        _vectors = new FloatBuffer(2 * Heads * HeadSize);
        _scores = new FloatBuffer((long)Heads * tokens);
    }

    public static void Print(int tokens, int rounds, int threads)
    {
        using var table = new AttentionTable(tokens, threads);
        var bytes = 2L * Heads * tokens * HeadSize;
        using var plain = new NativeBuffer(bytes);
        plain.Clear();
        var read = new PlainRead(plain, table._workers);
        var evict = new PlainRead(table._other, table._workers);
        Contender[] contenders =
        [
            new("", 1, table._other.ByteCount, _ => evict.Run()),
            new("plain read of the bytes", 1, bytes, _ => read.Run()),
            new("", 1, table._other.ByteCount, _ => evict.Run()),
            new("int8", 1, bytes, _ => table.Attend(CacheType.Int8)),
            new("", 1, table._other.ByteCount, _ => evict.Run()),
            new("float16", 1, 2 * bytes, _ => table.Attend(CacheType.Float16)),
            new("", 1, table._other.ByteCount, _ => evict.Run()),
            new("bfloat16", 1, 2 * bytes, _ => table.Attend(CacheType.BFloat16)),
        ];
        var times = Measurement.Seconds(contenders, rounds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens, {Heads} heads of {HeadSize}, {threads} thread(s), {rounds} rounds"));
        Console.WriteLine();
        Console.WriteLine("| cache | time | rate |");
        Console.WriteLine("| --- | --- | --- |");
        for (var i = 1; i < contenders.Length; i += 2)
        {
            var line = $"| {contenders[i].Name} | {times[i] * 1e3:F3} ms | {contenders[i].Bytes / times[i] / 1e9:F1} GB/s |";
            Console.WriteLine(line);
        }
    }

    public void Run(int item, int worker)
    {
        var tokenBytes = HeadSize * (_type == CacheType.Int8 ? 1 : sizeof(ushort));
        var keys = _cache.Pointer + ((long)item * _tokens * tokenBytes);
        var values = keys + ((long)Heads * _tokens * tokenBytes);
        var query = _vectors.Pointer + (item * HeadSize);
        var scores = _scores.Pointer + ((long)item * _tokens);
        for (var first = 0; first < _tokens; first += BlockTokens)
        {
            DecodeAttention.Scores(Block(keys, first), query, 1, scores + first, _tokens);
        }

        for (var first = 0; first < _tokens; first += BlockTokens)
        {
            DecodeAttention.AddValues(Block(values, first), scores + first, _tokens, 1, query + (Heads * HeadSize));
        }

        CachedTokens Block(byte* data, int first) => new()
        {
            Data = data + ((long)first * tokenBytes),
            Count = Math.Min(BlockTokens, _tokens - first),
            HeadSize = HeadSize,
            Type = _type,
            Scale = 0.01f,
            Offset = -328.96f,
        };
    }

    public void Dispose()
    {
        _workers.Dispose();
        _cache.Dispose();
        _other.Dispose();
        _vectors.Dispose();
        _scores.Dispose();
    }

    private void Attend(CacheType type)
    {
        _type = type;
        _workers.Run(Heads, this);
    }
}
