namespace LayerCake.Provenance;

/// <summary>Something that a build read from outside: the source model, the calibration text, the tokenizer.</summary>
public sealed record Material
{
    /// <summary>The name of the source model among the materials.</summary>
    public const string Model = "model";

    /// <summary>The name of the calibration text among the materials.</summary>
    public const string Dataset = "dataset";

    public required string Name { get; init; }

    /// <summary>SHA-256 of the file, or for a folder <see cref="PackageFile.TreeDigest"/> of the files that were read.</summary>
    public required string Sha256 { get; init; }

    public bool IsFolder { get; init; }

    /// <summary>The files of a folder, by their paths in it, with their digests; may be empty where another material lists them.</summary>
    public IReadOnlyList<(string Path, string Sha256)> Files { get; init; } = [];

    /// <summary>The commit of the repository it comes from, where it says one.</summary>
    public string? Revision { get; init; }

    /// <summary>The repository it comes from, as a package URL without a version (<c>pkg:huggingface/organization/name</c>), where the recipe says it.</summary>
    public string? Repository { get; init; }

    /// <summary>The package URL with its version.</summary>
    internal string? Uri => Repository is null || Revision is null ? Repository : $"{Repository}@{System.Uri.EscapeDataString(Revision)}";
}
