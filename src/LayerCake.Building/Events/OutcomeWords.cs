namespace LayerCake.Building;

/// <summary>The words for how a step ended, in tables and logs.</summary>
public static class OutcomeWords
{
    /// <summary>It ran, and its result is stored.</summary>
    public const string Ran = "ran";

    /// <summary>Its result was in the store.</summary>
    public const string Cached = "cached";

    /// <summary>Its result came from the shared cache.</summary>
    public const string Remote = "from remote cache";

    /// <summary>It failed.</summary>
    public const string Failed = "failed";

    /// <summary>It was not run: a step before it failed, or the build stopped.</summary>
    public const string Skipped = "skipped";

    public static string Of(StepOutcome outcome) => outcome switch
    {
        StepOutcome.Ran => Ran,
        StepOutcome.Cached => Cached,
        _ => Remote,
    };
}
