namespace LayerCake.Quantization;

/// <summary>How the cache of keys and values is quantized.</summary>
public sealed record KeyValueOptions
{
    /// <summary>Bits of a cached value. The engine reads 8 only.</summary>
    public int Bits { get; init; } = 8;

    /// <summary>Whether the range is symmetric around zero (zero point 0). Default: false.</summary>
    public bool Symmetric { get; init; }

    /// <summary>Ranks of tensor parallelism; the KV heads are split evenly among them. Default 1.</summary>
    public int TensorParallel { get; init; } = 1;

    /// <exception cref="QuantizationException">A value the engine cannot use.</exception>
    public void Validate()
    {
        if (Bits != 8)
        {
            throw new QuantizationException($"kv_bits {Bits} is not possible: the engine's quantized KV cache has 8 bits. Use 8.");
        }

        if (TensorParallel < 1)
        {
            throw new QuantizationException($"The tensor-parallel degree {TensorParallel} is not possible: use 1 or more.");
        }
    }
}
