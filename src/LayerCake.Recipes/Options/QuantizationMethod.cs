namespace LayerCake.Recipes;

/// <summary>How weights become 4-bit integers. All methods write the same format.</summary>
public enum QuantizationMethod
{
    /// <summary>The best that fits the effort.</summary>
    Auto,

    /// <summary>LMDeploy v0.1.0's smoothing and rounding, bit for bit.</summary>
    Lmdeploy,

    /// <summary>Rounding to nearest, without calibration.</summary>
    Rtn,

    /// <summary>Searched scales of channels and searched ranges.</summary>
    Awq,

    /// <summary>The same with compensation of errors.</summary>
    Gptq,

    /// <summary>What gptq finds, learned further by gradient descent.</summary>
    Learned,
}
