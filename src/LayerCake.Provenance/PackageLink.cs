namespace LayerCake.Provenance;

/// <summary>A symbolic link of a package.</summary>
/// <param name="Path">Relative to the package, with forward slashes.</param>
/// <param name="Target">What it points to, relative to its own folder.</param>
public sealed record PackageLink(string Path, string Target);
