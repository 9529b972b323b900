namespace LayerCake.Reconstruction;

/// <summary>How linears are quantized: what a method and an effort come down to.</summary>
internal sealed record SolverSettings
{
    public int GroupSize { get; init; } = 128;

    /// <summary>Exponents tried for the scales of input channels; 0 for no scales.</summary>
    public int ScaleSteps { get; init; }

    /// <summary>Ranges tried for each of those.</summary>
    public ClippingGrid SearchClipping { get; init; } = ClippingGrid.None;

    /// <summary>Ranges tried in the end.</summary>
    public ClippingGrid Clipping { get; init; } = ClippingGrid.None;

    /// <summary>Whether later inputs make up for the errors of earlier ones (GPTQ).</summary>
    public bool Compensates { get; init; }

    /// <summary>How what was found is learned further; null where it is not.</summary>
    public LearningSettings? Learning { get; init; }

    /// <summary>Passes over codes and scales after that.</summary>
    public int DescentPasses { get; init; }

    /// <summary>Whether targets also make up for what the layers before have lost; the float model then runs beside the quantized one.</summary>
    public bool FollowsFloatModel { get; init; }

    /// <summary>Part of the mean diagonal that is added to second moments.</summary>
    public double Damping { get; init; } = 0.01;

    /// <summary>Tokens of calibration used per input channel of the widest linear; samples beyond them are left out.</summary>
    public int TokensPerChannel { get; init; } = int.MaxValue;

    /// <summary>By which method linears are solved: what is learned starts from gptq, and that is what its sensitivities are those of.</summary>
    public ReconstructionMethod Solver(ReconstructionMethod method) => Learning is null ? method : ReconstructionMethod.Gptq;

    /// <summary>Whether what each linear gives needs to be known.</summary>
    public bool NeedsActivations => ScaleSteps > 0 || Clipping.Steps > 0 || Compensates || DescentPasses > 0;
}
