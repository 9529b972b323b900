namespace LayerCake.Recipes;

/// <summary>What the model is run over to observe its activations.</summary>
public sealed record CalibrateOptions : IStepOptions
{
    public required CalibrationSource Dataset { get; init; }

    /// <summary>How many windows are drawn from the text. Default 128.</summary>
    public int Samples { get; init; } = CalibrateFields.Samples.Default;

    /// <summary>Length of each window in tokens. Default 2048.</summary>
    public int SequenceLength { get; init; } = CalibrateFields.SequenceLength.Default;

    /// <summary>Seed of the draw; the original's is always 0. Default 0.</summary>
    public uint Seed { get; init; } = CalibrateFields.Seed.Default;

    public void AddTo(IKeyWriter key)
    {
        CalibrateFields.Dataset.AddTo(key, Dataset);
        CalibrateFields.Samples.AddTo(key, Samples);
        CalibrateFields.SequenceLength.AddTo(key, SequenceLength);
        CalibrateFields.Seed.AddTo(key, Seed);
    }
}
