namespace LayerCake.Provenance;

/// <summary>What was found in a package.</summary>
public sealed record VerificationReport
{
    /// <summary>The folder or archive, as it was named.</summary>
    public required string Package { get; init; }

    public required int FileCount { get; init; }

    public required long Bytes { get; init; }

    /// <summary><see cref="PackageFile.TreeDigest"/> of all files but the signature: the same for the same package, in a folder or an archive.</summary>
    public required string Digest { get; init; }

    /// <summary>What was compared, for people: <c>SHA256SUMS</c>, <c>build.json</c>.</summary>
    public required IReadOnlyList<string> Checked { get; init; }

    public required SignatureState Signature { get; init; }

    /// <summary>What is wrong; empty where nothing is.</summary>
    public required IReadOnlyList<VerificationFinding> Findings { get; init; }

    /// <summary>What a reader should know though it is no fault.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The recipe's name; null where there is no build record.</summary>
    public string? Recipe { get; init; }

    /// <summary>What the build read, with digests: the source model and its files, the calibration text.</summary>
    public IReadOnlyList<(string Name, string Sha256)> Materials { get; init; } = [];

    /// <summary>The source model's commit, where it is known.</summary>
    public string? Revision { get; init; }

    public bool IsSound => Findings.Count == 0;
}
