namespace LayerCake.Runtime;

/// <summary>Consecutive tokens of one sequence that are computed in one forward pass.</summary>
internal sealed class Segment
{
    public required BlockPool Pool { get; init; }

    /// <summary>The sequence's blocks, in order; they hold at least <see cref="Start"/> + <see cref="Count"/> tokens.</summary>
    public required IReadOnlyList<int> Blocks { get; init; }

    /// <summary>Frequencies of the rotary embedding, 64 of them.</summary>
    public required float[] InverseFrequencies { get; init; }

    /// <summary>Position of the first token.</summary>
    public int Start { get; set; }

    /// <summary>Tokens.</summary>
    public int Count { get; set; }

    /// <summary>Where the segment's rows begin among those of the pass.</summary>
    public int FirstRow { get; set; }
}
