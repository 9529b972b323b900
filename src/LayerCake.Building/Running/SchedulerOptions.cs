namespace LayerCake.Building;

/// <summary>How a scheduler runs steps.</summary>
public sealed record SchedulerOptions
{
    /// <summary>Most steps at once.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Most bytes that the steps at work may plan for together; null for no limit. One step alone always runs.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Whether steps that do not depend on a failed one are still started.</summary>
    public bool KeepGoing { get; init; }

    /// <summary>A folder for what failed steps had written; null to keep nothing.</summary>
    public string? KeepFailedIn { get; init; }

    /// <summary>The wait before the second attempt; it doubles with every further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether a failure may pass by itself, so that trying again makes sense.</summary>
    public Func<Exception, bool> MayPass { get; init; } = PassingFailures.MayPass;

    /// <summary>What a runner is given beyond the store.</summary>
    public Func<ArtifactStore, IBuildReporter, StepRunner> Runner { get; init; } = static (store, reporter) => new StepRunner(store, reporter);
}
