namespace LayerCake.Runtime;

/// <summary>How the keys and values of earlier tokens are kept.</summary>
public enum KeyValueCacheType
{
    /// <summary>In the model's own 16-bit type.</summary>
    Float,

    /// <summary>One byte each, with a scale and a zero point per layer and rank (<c>quant_policy = 4</c>).</summary>
    Int8,
}
