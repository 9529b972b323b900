namespace LayerCake.Reporting;

/// <summary>How the codes of a 4-bit matrix lie in memory.</summary>
internal enum PackedLayout
{
    /// <summary>TurboMind's tiles of 32 inputs × 32 outputs, and scale and zero point of a group in one word.</summary>
    Tiles,

    /// <summary>AWQ's rows of words, eight outputs in each, with scales and zero points apart.</summary>
    Rows,
}

/// <summary>A 4-bit matrix: its codes and what they are multiplied with, which mean something only together.</summary>
internal sealed record PackedContent
{
    public required PackedLayout Layout { get; init; }

    /// <summary>K.</summary>
    public required long Inputs { get; init; }

    /// <summary>N.</summary>
    public required long Outputs { get; init; }

    /// <summary>Inputs that share a scale and a zero point.</summary>
    public required long GroupSize { get; init; }

    public required TensorContent Codes { get; init; }

    /// <summary>[groups, N]: scales, or words of scale and zero point.</summary>
    public required TensorContent Scales { get; init; }

    /// <summary>[groups, N/8] words of zero points; null where they are in the words of <see cref="Scales"/>.</summary>
    public TensorContent? Zeros { get; init; }

    public string ShapeText => $"int4 [{Inputs}, {Outputs}] groups of {GroupSize}";

    public bool HasShapeOf(PackedContent other) => Layout == other.Layout && Inputs == other.Inputs && Outputs == other.Outputs;

    public IEnumerable<TensorContent> Parts => Zeros is null ? [Codes, Scales] : [Codes, Scales, Zeros];
}
