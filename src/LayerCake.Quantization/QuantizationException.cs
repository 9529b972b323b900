namespace LayerCake.Quantization;

/// <summary>Statistics, weights or settings that cannot be quantized, told to the user: what, where, what to do.</summary>
public sealed class QuantizationException : Exception
{
    public QuantizationException(string message)
        : base(message)
    {
    }

    public QuantizationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the fault is that something cannot be written (no space, no permission), not that something read is wrong.</summary>
    public bool ConcernsOutput { get; init; }
}
