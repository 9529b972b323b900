namespace LayerCake.Recipes;

/// <summary>How the work is done. It has no <c>AddTo</c>, so none of it can get into a key.</summary>
public sealed record ExecutionOptions
{
    /// <summary>Default auto.</summary>
    public DeviceChoice Device { get; init; } = ExecutionFields.Device.Default;

    /// <summary>The most memory of this machine that a step may plan for; null for no limit of the recipe's.</summary>
    public ByteCount? MemoryBudget { get; init; } = ExecutionFields.MemoryBudget.Default;

    /// <summary>How long one step may take; null for any time.</summary>
    public Duration? Timeout { get; init; } = ExecutionFields.Timeout.Default;

    /// <summary>How often a step that failed for a reason that may pass by itself is tried again. Default 0.</summary>
    public int Retries { get; init; } = ExecutionFields.Retries.Default;

    /// <summary>Default copy.</summary>
    public PlacementChoice Placement { get; init; } = ExecutionFields.Placement.Default;
}
