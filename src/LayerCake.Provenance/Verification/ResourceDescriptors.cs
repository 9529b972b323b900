using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>Lists of names with digests, as in-toto writes them.</summary>
internal static class ResourceDescriptors
{
    /// <returns>SHA-256 digests by name.</returns>
    /// <exception cref="ProvenanceException">A name is there twice or cannot be in a package, a digest is missing or none.</exception>
    public static SortedDictionary<string, string> Read(JsonElement.ArrayEnumerator list, string what)
    {
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var resource in list)
        {
            var name = resource.Text("name", what);
            if (PackagePath.FaultOf(name) is { } fault)
            {
                throw new ProvenanceException($"{what}: the name '{PackagePath.Printable(name)}' cannot be in a package: {fault}");
            }

            var set = resource.Object("digest", what);
            var digest = set.OptionalText("sha256", what) ?? set.OptionalText("dirHash", what);
            if (!PackageFile.IsDigest(digest))
            {
                throw new ProvenanceException($"{what}: '{PackagePath.Printable(name)}' has no SHA-256 digest");
            }

            if (!digests.TryAdd(name, digest!))
            {
                throw new ProvenanceException($"{what}: '{PackagePath.Printable(name)}' is there twice");
            }
        }

        return digests;
    }
}
