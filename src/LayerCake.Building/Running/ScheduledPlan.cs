namespace LayerCake.Building;

/// <summary>One of the plans that a scheduler carries out.</summary>
public sealed record ScheduledPlan
{
    public required BuildPlan Plan { get; init; }

    /// <summary>The last step wanted; null for all.</summary>
    public string? Target { get; init; }

    /// <summary>Which steps run though their results are there.</summary>
    public Func<string, bool>? Forced { get; init; }

    /// <summary>How long one step may take; null for any time.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often a step that failed in a way that may pass is tried again.</summary>
    public int Retries { get; init; }

    /// <summary>The command that runs one step alone, for the message of a failure.</summary>
    public Func<string, string?>? Command { get; init; }

    /// <summary>Done after a step has its result, as a part of it: a package is put in its place.</summary>
    public Func<StepResult, IBuildReporter, CancellationToken, Task>? After { get; init; }

    /// <summary>Where the finished package lies, as people write it; null where none is put anywhere.</summary>
    public string? Output { get; init; }
}
