namespace LayerCake.Recipes;

/// <summary>How weights become 4-bit integers.</summary>
public sealed record AutoAwqOptions : IStepOptions
{
    /// <summary>Default 4, which is all that AWQ checkpoints and the engine know.</summary>
    public BitWidth Bits { get; init; } = AutoAwqFields.Bits.Default;

    /// <summary>How many weights along the input share one scale and zero point. Default 128.</summary>
    public GroupSize GroupSize { get; init; } = AutoAwqFields.GroupSize.Default;

    /// <summary>As the recipe says it; <see cref="MethodToRun"/> is what runs. Default auto.</summary>
    public QuantizationMethod Method { get; init; } = AutoAwqFields.Method.Default;

    /// <summary>Default fast.</summary>
    public QuantizationEffort Effort { get; init; } = AutoAwqFields.Effort.Default;

    /// <summary>Default lm_head, which the format keeps anyway.</summary>
    public KeepRules Keep { get; init; } = AutoAwqFields.Keep.Default;

    /// <summary>Default safetensors.</summary>
    public CheckpointFormat Format { get; init; } = AutoAwqFields.Format.Default;

    /// <summary>The method that runs. Where the recipe leaves it to the effort, gptq, until the model and the device are known to allow a better one.</summary>
    public QuantizationMethod MethodToRun() => Method == QuantizationMethod.Auto ? QuantizationMethod.Gptq : Method;

    /// <summary>Whether the method reads the statistics of calibrate; the others take its samples through the model themselves, and rtn needs none.</summary>
    public bool ReadsStatistics() => MethodToRun() == QuantizationMethod.Lmdeploy;

    /// <summary>Whether the method looks at the samples that the section calibrate describes.</summary>
    public bool ReadsSamples() => MethodToRun() is QuantizationMethod.Awq or QuantizationMethod.Gptq or QuantizationMethod.Learned;

    /// <summary>Whether the method computes on a GPU where the recipe's device is one; rtn has nothing to compute.</summary>
    public bool CanUseGpu() => ReadsSamples();

    public void AddTo(IKeyWriter key)
    {
        AutoAwqFields.Bits.AddTo(key, Bits);
        AutoAwqFields.GroupSize.AddTo(key, GroupSize);
        AutoAwqFields.Method.AddTo(key, MethodToRun());
        AutoAwqFields.Effort.AddTo(key, Effort);
        AutoAwqFields.Keep.AddTo(key, Keep);
        AutoAwqFields.Format.AddTo(key, Format);
    }
}
