namespace LayerCake.Building;

/// <summary>What the store knows of one key: the fields of the key, the output, and how it came about. Written last, so what it names is there.</summary>
public sealed record StepRecord
{
    public required StepKey Key { get; init; }

    /// <summary>The named fields whose digest is <see cref="Key"/>.</summary>
    public required KeyDocument Fields { get; init; }

    public required StoredTree Tree { get; init; }

    /// <summary>This step, and before it every step that it came from, directly or not, each after those it depends on.</summary>
    public required IReadOnlyList<BuiltStep> Lineage { get; init; }

    public required TimeSpan RunTime { get; init; }

    /// <summary>Version of the program that made it.</summary>
    public required string ProgramVersion { get; init; }

    /// <summary>This step's own line of the lineage.</summary>
    public BuiltStep Step => Lineage[^1];

    /// <summary>Whether this result was made from that one, and not from another output of the same step.</summary>
    internal bool WasMadeFrom(StepRecord earlier)
    {
        foreach (var step in Lineage)
        {
            if (step.Key == earlier.Key)
            {
                return step.Tree == earlier.Tree.Digest;
            }
        }

        return false;
    }
}
