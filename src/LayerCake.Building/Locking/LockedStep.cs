namespace LayerCake.Building;

/// <summary>A step with the key that it had, and what it gave.</summary>
/// <param name="Name">The step: <c>calibrate</c>.</param>
/// <param name="Fields">The named fields of the key.</param>
/// <param name="Output">What it wrote; null where no result was there to take it from.</param>
public sealed record LockedStep(string Name, KeyDocument Fields, StoredTree? Output)
{
    public StepKey Key { get; } = Fields.Key;
}
