namespace LayerCake.Provenance;

/// <summary>The files of a package that say what it is; all lie at its top.</summary>
public static class PackageFiles
{
    /// <summary>The build record, which lists the workspace's files and links.</summary>
    public const string BuildRecord = "build.json";

    /// <summary>The list for <c>sha256sum -c</c>: every file but itself and the signature.</summary>
    public const string Checksums = "SHA256SUMS";

    /// <summary>The in-toto statement with SLSA provenance.</summary>
    public const string Provenance = "provenance.intoto.json";

    /// <summary>The CycloneDX ML-BOM.</summary>
    public const string Bom = "bom.cdx.json";

    /// <summary>The OpenSSF Model Signing signature, a Sigstore bundle.</summary>
    public const string Signature = "model.sig";

    /// <summary>All five.</summary>
    public static IReadOnlyList<string> All { get; } = [BuildRecord, Checksums, Provenance, Bom, Signature];
}
