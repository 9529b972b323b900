namespace LayerCake.Provenance;

/// <summary>One thing that is wrong with a package.</summary>
/// <param name="Kind">What.</param>
/// <param name="Path">Where: a file, a link or a record of the package.</param>
/// <param name="Message">The rest of a sentence that begins with the path.</param>
public sealed record VerificationFinding(FindingKind Kind, string Path, string Message)
{
    /// <summary>The SHA-256 that the records say; null where there is none.</summary>
    public string? Expected { get; init; }

    /// <summary>The SHA-256 of what is there; null where nothing is.</summary>
    public string? Actual { get; init; }

    /// <summary>Which records disagree with what is there.</summary>
    public IReadOnlyList<string> Witnesses { get; init; } = [];

    public override string ToString() => $"{PackagePath.Printable(Path)}: {Message}";
}
