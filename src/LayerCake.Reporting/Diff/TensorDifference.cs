namespace LayerCake.Reporting;

/// <summary>In what way a tensor of one side relates to the one of that name on the other side.</summary>
public enum TensorChange
{
    Equal,

    /// <summary>Same shape, other values.</summary>
    Values,

    /// <summary>Another shape, or types that cannot be compared.</summary>
    Shape,

    OnlyInA,
    OnlyInB,
}

/// <summary>One tensor on both sides. A 4-bit matrix counts as one tensor, under its module's name.</summary>
public sealed record TensorDifference
{
    public required string Name { get; init; }

    public required TensorChange Change { get; init; }

    /// <summary>Element type and shape on each side: <c>F16 [1024, 256]</c>; null where the side has none.</summary>
    public string? A { get; init; }

    public string? B { get; init; }

    /// <summary>Whether <see cref="Elements"/> are 4-bit codes.</summary>
    public bool IsPacked { get; init; }

    /// <summary>Elements, or codes, of each side.</summary>
    public long Elements { get; init; }

    /// <summary>Elements, or codes, whose bits differ.</summary>
    public long Differing { get; init; }

    /// <summary>Of a 4-bit matrix, how many scales or zero points differ.</summary>
    public long ScalesDiffering { get; init; }

    /// <summary>max |b − a|, of a 4-bit matrix after dequantization; NaN where a value is none, or the type has no arithmetic here.</summary>
    public double MaxAbsolute { get; init; }

    /// <summary>√(Σ(b − a)² / Σa²), of a 4-bit matrix after dequantization; NaN as above, +∞ where all of A is zero.</summary>
    public double RelativeRms { get; init; }

    /// <summary>Indices of the first element that differs, outermost first; [input, output] for a 4-bit matrix. Empty where none does.</summary>
    public IReadOnlyList<long> First { get; init; } = [];

    /// <summary>That element on each side, as text.</summary>
    public string? FirstA { get; init; }

    public string? FirstB { get; init; }

    /// <summary>The step and the change that gave other values, or why that cannot be told.</summary>
    public Cause? Cause { get; init; }

    public bool Differs => Change != TensorChange.Equal;
}

/// <param name="Text">For people.</param>
/// <param name="IsExplained">Whether the build records of both sides account for the difference.</param>
public sealed record Cause(string Text, bool IsExplained);

/// <summary>One named value on both sides.</summary>
/// <param name="Name">What it is.</param>
/// <param name="A">Null where side A has none.</param>
/// <param name="B">Null where side B has none.</param>
public sealed record ValueDifference(string Name, string? A, string? B)
{
    public Cause? Cause { get; init; }
}

/// <summary>A file that is no tensor: its digest or link target on both sides.</summary>
/// <param name="Path">Within the folder.</param>
/// <param name="A">Null where side A has no such file.</param>
/// <param name="B">Null where side B has no such file.</param>
/// <param name="IsRecord">Whether it tells of the rest (checksums, build record, signature) and differs whenever that does.</param>
public sealed record FileDifference(string Path, string? A, string? B, bool IsRecord)
{
    public Cause? Cause { get; init; }
}
