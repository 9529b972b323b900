namespace LayerCake.Kernels;

/// <summary>Keys or values of one KV head, token after token, as they lie in a block of the cache.</summary>
public readonly unsafe struct CachedTokens
{
    /// <summary>The first token's first element.</summary>
    public byte* Data { get; init; }

    public int Count { get; init; }

    /// <summary>Elements of a token: a multiple of 16.</summary>
    public int HeadSize { get; init; }

    public CacheType Type { get; init; }

    /// <summary>Step of <see cref="CacheType.Int8"/>.</summary>
    public float Scale { get; init; }

    /// <summary>Of <see cref="CacheType.Int8"/>: zero point − 32896 · scale. A byte stands for (32768 + byte) · scale + offset, rounded once, as in the engine.</summary>
    public float Offset { get; init; }
}
