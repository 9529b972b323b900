namespace LayerCake.Recipes;

/// <summary>How the work is done. It has no <c>AddTo</c>, so none of it can get into a key.</summary>
public sealed record ExecutionOptions
{
    /// <summary>Default auto.</summary>
    public DeviceChoice Device { get; init; } = ExecutionFields.Device.Default;

    /// <summary>The most memory of this machine that a step may plan for; null for no limit of the recipe's.</summary>
    public ByteCount? MemoryBudget { get; init; } = ExecutionFields.MemoryBudget.Default;
}
