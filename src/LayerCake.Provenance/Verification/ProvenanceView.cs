using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>What provenance.intoto.json of a package says, read as foreign content.</summary>
internal sealed record ProvenanceView
{
    private const string What = PackageFiles.Provenance;

    /// <summary>Digests of the package's files, by path.</summary>
    public required SortedDictionary<string, string> Subjects { get; init; }

    public required JsonElement Recipe { get; init; }

    public required JsonElement Versions { get; init; }

    public required IReadOnlyList<(string Name, int Version, string Key, string Output)> Steps { get; init; }

    /// <summary>Digests of the materials and of their files (<c>model/config.json</c>), by name.</summary>
    public required SortedDictionary<string, string> Materials { get; init; }

    /// <summary>The source model's commit; null where it is not known.</summary>
    public required string? Revision { get; init; }

    /// <summary>The files of the source model with their digests, by their paths in its folder.</summary>
    public IEnumerable<(string Path, string Sha256)> ModelFiles => Materials
        .Where(material => material.Key.StartsWith($"{Material.Model}/", StringComparison.Ordinal))
        .Select(material => (material.Key[(Material.Model.Length + 1)..], material.Value));

    /// <exception cref="ProvenanceException">The bytes are no such statement.</exception>
    public static ProvenanceView Parse(byte[] bytes)
    {
        var root = ForeignJson.Parse(bytes, What);
        Expect(root, "_type", SlsaProvenance.StatementType);
        Expect(root, "predicateType", SlsaProvenance.PredicateType);
        var predicate = root.Object("predicate", What);
        var definition = predicate.Object("buildDefinition", What);
        Expect(definition, "buildType", SlsaProvenance.BuildType);
        var materials = definition.List("resolvedDependencies", What);
        var model = materials.FirstOrDefault(material => material.OptionalText("name", What) == Material.Model);
        return new ProvenanceView
        {
            Subjects = ResourceDescriptors.Read(root.List("subject", What), What),
            Recipe = definition.Object("externalParameters", What).Object("recipe", What),
            Versions = predicate.Object("runDetails", What).Object("builder", What).Object("version", What),
            Steps = [.. definition.Object("internalParameters", What).List("steps", What).Select(step => BuildRecordView.StepOf(step, "name", "output", What))],
            Materials = ResourceDescriptors.Read(materials, What),
            Revision = model.Optional("annotations", JsonValueKind.Object, What)?.OptionalText("revision", What),
        };
    }

    private static void Expect(JsonElement element, string name, string expected)
    {
        if (element.Text(name, What) is var value && value != expected)
        {
            throw new ProvenanceException($"{What} has the {name} '{PackagePath.Printable(value)}'; '{expected}' is needed");
        }
    }
}
