namespace LayerCake.Building;

/// <summary>What became of a step.</summary>
public sealed record StepResult
{
    public required string Name { get; init; }

    public required StepOutcome Outcome { get; init; }

    /// <summary>Why it ran, or why it need not.</summary>
    public required string Reason { get; init; }

    public required StepRecord Record { get; init; }

    /// <summary>From the call to its end, waiting for others included.</summary>
    public required TimeSpan Elapsed { get; init; }

    public StepKey Key => Record.Key;

    public StoredTree Tree => Record.Tree;
}
