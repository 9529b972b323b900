namespace LayerCake.Recipes;

/// <summary>How weights become 4-bit integers.</summary>
public sealed record AutoAwqOptions : IStepOptions
{
    /// <summary>Default 4, which is all that AWQ checkpoints and the engine know.</summary>
    public BitWidth Bits { get; init; } = AutoAwqFields.Bits.Default;

    /// <summary>How many weights along the input share one scale and zero point. Default 128.</summary>
    public GroupSize GroupSize { get; init; } = AutoAwqFields.GroupSize.Default;

    /// <summary>Default safetensors.</summary>
    public CheckpointFormat Format { get; init; } = AutoAwqFields.Format.Default;

    public void AddTo(IKeyWriter key)
    {
        AutoAwqFields.Bits.AddTo(key, Bits);
        AutoAwqFields.GroupSize.AddTo(key, GroupSize);
        AutoAwqFields.Format.AddTo(key, Format);
    }
}
