namespace LayerCake.Kernels;

/// <summary>What a cached key or value is stored as.</summary>
public enum CacheType
{
    /// <summary>Unsigned bytes with an offset of 128, a scale and a zero point.</summary>
    Int8,

    Float16,

    BFloat16,
}
