using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>What build.json of a package says, read as foreign content.</summary>
internal sealed record BuildRecordView
{
    private const string What = PackageFiles.BuildRecord;

    public required string RecipeName { get; init; }

    public required JsonElement Recipe { get; init; }

    public required JsonElement Versions { get; init; }

    /// <summary>Name, version, key and output of each step.</summary>
    public required IReadOnlyList<(string Name, int Version, string Key, string Output)> Steps { get; init; }

    /// <summary>Digests of what the steps read from outside, by name; the same name has the same digest in every step.</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Digests of the workspace's files, by path.</summary>
    public required SortedDictionary<string, string> Outputs { get; init; }

    /// <summary>Targets of the links, by path; null where the record is older than links are noted.</summary>
    public required IReadOnlyDictionary<string, string>? Links { get; init; }

    /// <exception cref="ProvenanceException">The bytes are no build record, or contradict themselves.</exception>
    public static BuildRecordView Parse(byte[] bytes)
    {
        var root = ForeignJson.Parse(bytes, What);
        if (root.Member("format", JsonValueKind.Number, What) is var format && !(format.TryGetInt32(out var number) && number == 1))
        {
            throw new ProvenanceException($"{What} has the format {format.GetRawText()}; this version reads format 1: use a newer one");
        }

        var recipe = root.Object("recipe", What);
        var outputs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var output in root.List("outputs", What))
        {
            var (path, digest) = (output.Text("path", What), output.Text("sha256", What));
            if (PackagePath.FaultOf(path) is { } fault || !PackageFile.IsDigest(digest) || !outputs.TryAdd(path, digest))
            {
                throw new ProvenanceException(
                    $"{What}: the output '{PackagePath.Printable(path)}' {(PackagePath.FaultOf(path) is { } bad ? $"cannot be in a package: {bad}" : "has no digest or is there twice")}");
            }
        }

        var steps = root.List("steps", What).ToList();
        return new BuildRecordView
        {
            RecipeName = recipe.Text("name", What),
            Recipe = recipe.Object("fields", What),
            Versions = root.Object("versions", What),
            Steps = [.. steps.Select(step => StepOf(step, "step", "tree", What))],
            Inputs = InputsOf(steps),
            Outputs = outputs,
            Links = LinksOf(root),
        };
    }

    /// <summary>A step as build.json and the provenance write it, each with its own names.</summary>
    public static (string Name, int Version, string Key, string Output) StepOf(JsonElement step, string name, string output, string what) => (
        step.Text(name, what),
        step.Member("version", JsonValueKind.Number, what).TryGetInt32(out var version) ? version : -1,
        step.Text("key", what),
        step.Text(output, what));

    private static Dictionary<string, string> InputsOf(List<JsonElement> steps)
    {
        var inputs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            foreach (var input in step.Object("inputs", What).EnumerateObject())
            {
                var digest = step.Object("inputs", What).Text(input.Name, What);
                if (!inputs.TryAdd(input.Name, digest) && inputs[input.Name] != digest)
                {
                    throw new ProvenanceException($"{What} contradicts itself: two steps read '{PackagePath.Printable(input.Name)}' with different digests");
                }
            }
        }

        return inputs;
    }

    private static Dictionary<string, string>? LinksOf(JsonElement root)
    {
        if (root.Optional("links", JsonValueKind.Array, What) is not { } list)
        {
            return null;
        }

        var links = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var link in list.EnumerateArray())
        {
            if (!links.TryAdd(link.Text("path", What), link.Text("link", What)))
            {
                throw new ProvenanceException($"{What}: the link '{PackagePath.Printable(link.Text("path", What))}' is there twice");
            }
        }

        return links;
    }
}
