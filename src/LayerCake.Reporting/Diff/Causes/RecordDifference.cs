using LayerCake.Building;

namespace LayerCake.Reporting;

/// <summary>What the build records of two packages differ in.</summary>
public sealed record RecordDifference
{
    /// <summary>Why a side's record does not count: <c>A has no build.json</c>. Empty where both do.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>Fields of the recipe that differ, by name: <c>calibrate.samples</c>.</summary>
    public required IReadOnlyList<KeyDifference> Recipe { get; init; }

    /// <summary>Versions of what took part that differ: <c>layercake</c>, <c>numerics</c>.</summary>
    public required IReadOnlyList<KeyDifference> Versions { get; init; }

    /// <summary>Every step of either side, each after those it depends on.</summary>
    public required IReadOnlyList<StepDifference> Steps { get; init; }

    /// <summary>What changed, as sentences from the first causes to the package; empty where nothing did.</summary>
    public required IReadOnlyList<string> Story { get; init; }
}

/// <summary>One step of two builds.</summary>
/// <param name="Step">Its name.</param>
/// <param name="A">Its key in A; null where A has no such step.</param>
/// <param name="B">Its key in B.</param>
/// <param name="OutputDiffers">Whether the digests of its outputs differ.</param>
/// <param name="OwnReasons">What changed its key by itself: fields of the recipe, inputs, versions.</param>
/// <param name="ChangedBefore">Steps it depends on whose keys differ.</param>
public sealed record StepDifference(
    string Step, StepKey? A, StepKey? B, bool OutputDiffers, IReadOnlyList<string> OwnReasons, IReadOnlyList<string> ChangedBefore)
{
    public bool KeyDiffers => A != B;
}
