namespace LayerCake.Reconstruction;

/// <summary>How weights become 4-bit integers; all give the same format. docs/quantization.md derives them.</summary>
public enum ReconstructionMethod
{
    /// <summary>Rounding to nearest in the whole range of every group. Needs no calibration.</summary>
    Rtn,

    /// <summary>Scales of input channels and clipped ranges, searched for the least error of what the linears give (AWQ).</summary>
    Awq,

    /// <summary>The same scales; then rounding that makes up for its own errors (GPTQ), and a descent over codes and scales.</summary>
    Gptq,

    /// <summary>From what gptq finds, codes, scales, norms and biases are learned by gradient descent, spans of layers at a time.</summary>
    Learned,
}

/// <summary>How much time a method may take.</summary>
public enum ReconstructionEffort
{
    Fast,
    Balanced,
    Best,
}
