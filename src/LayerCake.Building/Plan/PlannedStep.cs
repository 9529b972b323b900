namespace LayerCake.Building;

/// <summary>One step of a plan: its key, whether its result is there, and why not.</summary>
public sealed record PlannedStep
{
    public required IBuildStep Step { get; init; }

    public required StepKey Key { get; init; }

    /// <summary>The named fields that the key is the digest of.</summary>
    public required KeyDocument Fields { get; init; }

    public required IReadOnlyList<InputFingerprint> Inputs { get; init; }

    /// <summary>The steps whose outputs it reads, with their keys.</summary>
    public required IReadOnlyList<KeyValuePair<string, StepKey>> Before { get; init; }

    public required PlannedOutcome Outcome { get; init; }

    /// <summary>For people: <c>up to date</c>, <c>never built</c>, <c>changed: calibrate.samples 64 → 32</c>, <c>calibrate will run</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>The fields that changed since this step of this recipe was built last; empty for a hit or a first build.</summary>
    public required IReadOnlyList<KeyDifference> Changes { get; init; }

    /// <summary>
    /// What <see cref="Changes"/> compares with: null for the last build in this store, else the name of the shared cache that has a later one's note.
    /// </summary>
    public string? Baseline { get; init; }

    /// <summary>The result, which for <see cref="PlannedOutcome.Remote"/> is not in the store yet; null for a miss.</summary>
    public StepRecord? Record { get; init; }

    /// <summary>How long it took to make <see cref="Record"/>, or, for a miss, the result of its last build in this store; null where that is not known.</summary>
    public TimeSpan? RunTime { get; init; }

    /// <summary>How many bytes are to be fetched from the shared cache; 0 unless the outcome is <see cref="PlannedOutcome.Remote"/>.</summary>
    public long BytesToFetch { get; init; }

    public string Name => Step.Name;
}
