namespace LayerCake.Provenance;

/// <summary>One step of a build.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Version of its implementation.</param>
/// <param name="Key">The digest of all that decides its bytes.</param>
/// <param name="Output">The digest of what it wrote.</param>
/// <param name="After">The steps whose outputs it read.</param>
public sealed record BuildStepDescription(string Name, int Version, string Key, string Output, IReadOnlyList<string> After);
