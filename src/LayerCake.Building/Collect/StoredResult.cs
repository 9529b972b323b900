namespace LayerCake.Building;

/// <summary>One result of a store, as a list of them shows it.</summary>
public sealed record StoredResult
{
    public required StepKey Key { get; init; }

    /// <summary>The step's name.</summary>
    public required string Step { get; init; }

    /// <summary>The recipes whose last build of the step this is, sorted.</summary>
    public required IReadOnlyList<string> Recipes { get; init; }

    /// <summary>Size of its output; content that it shares with other results counts in full for each.</summary>
    public required long Bytes { get; init; }

    public required DateTimeOffset LastUsed { get; init; }

    /// <summary>Whether a lock record names it, so that no collection removes it.</summary>
    public required bool IsRoot { get; init; }

    /// <summary>Whether a running build works with it.</summary>
    public required bool IsPinned { get; init; }

    /// <summary>What is wrong with it (<c>content 3f2a… is missing</c>); null where nothing is known to be.</summary>
    public string? Fault { get; init; }
}
