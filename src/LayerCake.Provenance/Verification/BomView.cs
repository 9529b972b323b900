using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>What bom.cdx.json of a package says, read as foreign content.</summary>
/// <param name="Name">The package's name.</param>
/// <param name="Hash">The digest of the workspace's files together.</param>
/// <param name="Ancestor">The digest of the source model; null where none is named.</param>
/// <param name="Data">The digest of the calibration text; null where none is named.</param>
internal sealed record BomView(string Name, string? Hash, string? Ancestor, string? Data)
{
    private const string What = PackageFiles.Bom;

    /// <exception cref="ProvenanceException">The bytes are no CycloneDX bill of a model.</exception>
    public static BomView Parse(byte[] bytes)
    {
        var root = ForeignJson.Parse(bytes, What);
        if (root.Text("bomFormat", What) != "CycloneDX" || root.Text("specVersion", What) != ModelBom.SpecVersion)
        {
            throw new ProvenanceException($"{What} is no CycloneDX {ModelBom.SpecVersion} bill of materials");
        }

        var component = root.Object("metadata", What).Object("component", What);
        if (component.Text("type", What) != "machine-learning-model")
        {
            throw new ProvenanceException($"{What} is not about a model: its component is a '{PackagePath.Printable(component.Text("type", What))}'");
        }

        var ancestor = component.Optional("pedigree", JsonValueKind.Object, What)?.List("ancestors", What).FirstOrDefault();
        var data = root.Optional("components", JsonValueKind.Array, What)?.EnumerateArray().FirstOrDefault(part => part.OptionalText("type", What) == "data");
        return new BomView(component.Text("name", What), HashOf(component), HashOf(ancestor), HashOf(data));
    }

    private static string? HashOf(JsonElement? component)
    {
        if (component is not { ValueKind: JsonValueKind.Object } element)
        {
            return null;
        }

        foreach (var hash in element.List("hashes", What))
        {
            if (hash.Text("alg", What) == "SHA-256")
            {
                return hash.Text("content", What);
            }
        }

        return null;
    }
}
