namespace LayerCake.Building;

/// <summary>One step that took part in a result: what it was, what went in, what came out.</summary>
public sealed record BuiltStep
{
    public required string Name { get; init; }

    public required int Version { get; init; }

    public required StepKey Key { get; init; }

    /// <summary>Digest of the output tree.</summary>
    public required Digest Tree { get; init; }

    /// <summary>The steps whose outputs it read.</summary>
    public required IReadOnlyList<string> After { get; init; }

    /// <summary>Digests of its inputs by name, sorted by name.</summary>
    public required IReadOnlyList<KeyValuePair<string, Digest>> Inputs { get; init; }
}
