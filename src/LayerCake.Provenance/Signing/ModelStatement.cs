using System.Security.Cryptography;
using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>The statement that an OpenSSF Model Signing v1.0 signature signs: every file of a model with its digest.</summary>
/// <remarks>
/// In-toto Statement v1, predicate type <c>https://model_signing/signature/v1.0</c>. The subject's digest is SHA-256 over the files' digests (32 bytes each),
/// in the order of the list. Symbolic links carry no digest in the format; ours are noted as an annotation of the subject, which the format allows and other
/// programs pass over.
/// </remarks>
internal sealed record ModelStatement
{
    public const string PredicateType = "https://model_signing/signature/v1.0";

    private const string LinksAnnotation = "urn:layercake:links";
    private const string What = $"the statement in {PackageFiles.Signature}";

    public required string ModelName { get; init; }

    /// <summary>The files by name, sorted when we write them.</summary>
    public required IReadOnlyList<(string Name, string Sha256)> Resources { get; init; }

    /// <summary>Whether links were allowed where the model was signed; folders behind links are not entered.</summary>
    public required bool AllowSymlinks { get; init; }

    /// <summary>Paths that the signer left out, each with all below it.</summary>
    public required IReadOnlyList<string> IgnorePaths { get; init; }

    /// <summary>The links; null where the signer did not note them.</summary>
    public IReadOnlyList<PackageLink>? Links { get; init; }

    public byte[] ToJson() => JsonBytes.Compact(json =>
    {
        json.WriteString("_type", SlsaProvenance.StatementType);
        json.WriteArray("subject", () => json.WriteItem(() =>
        {
            json.WriteString("name", ModelName);
            json.WriteObject("digest", () => json.WriteString("sha256", RootDigest(Resources)));
            if (Links is { Count: > 0 })
            {
                json.WriteObject("annotations", () => json.WriteObject(LinksAnnotation, () =>
                {
                    foreach (var link in Links)
                    {
                        json.WriteString(link.Path, link.Target);
                    }
                }));
            }
        }));
        json.WriteString("predicateType", PredicateType);
        json.WriteObject("predicate", () =>
        {
            json.WriteObject("serialization", () =>
            {
                json.WriteString("method", "files");
                json.WriteString("hash_type", "sha256");
                json.WriteBoolean("allow_symlinks", AllowSymlinks);
                json.WriteArray("ignore_paths", () =>
                {
                    foreach (var path in IgnorePaths)
                    {
                        json.WriteStringValue(path);
                    }
                });
            });
            json.WriteArray("resources", () =>
            {
                foreach (var (name, digest) in Resources)
                {
                    json.WriteItem(() =>
                    {
                        json.WriteString("name", name);
                        json.WriteString("digest", digest);
                        json.WriteString("algorithm", "sha256");
                    });
                }
            });
        });
    });

    /// <exception cref="ProvenanceException">The bytes are no such statement, or contradict themselves.</exception>
    public static ModelStatement Parse(ReadOnlyMemory<byte> bytes)
    {
        var root = ForeignJson.Parse(bytes, What);
        Expect(root.Text("_type", What), SlsaProvenance.StatementType, "type");
        Expect(root.Text("predicateType", What), PredicateType, "predicate type");
        var subjects = root.List("subject", What).ToList();
        if (subjects.Count != 1)
        {
            throw new ProvenanceException($"{What} has {subjects.Count} subjects; the format has exactly one");
        }

        var predicate = root.Object("predicate", What);
        var serialization = predicate.Object("serialization", What);
        Expect(serialization.Text("method", What), "files", "serialization method");
        Expect(serialization.Text("hash_type", What), "sha256", "hash type");
        var resources = ReadResources(predicate);
        var root256 = subjects[0].Object("digest", What).Text("sha256", What);
        var computed = RootDigest(resources);
        if (root256 != computed)
        {
            throw new ProvenanceException($"{What} contradicts itself: its root digest is {PackagePath.Printable(root256)}, its files give {computed}");
        }

        return new ModelStatement
        {
            ModelName = subjects[0].Text("name", What),
            Resources = resources,
            AllowSymlinks = serialization.TryGetProperty("allow_symlinks", out var allow) && allow.ValueKind == JsonValueKind.True,
            IgnorePaths = [.. serialization.Optional("ignore_paths", JsonValueKind.Array, What) is { } ignored ? ignored.EnumerateArray().Select(Path) : []],
            Links = LinksOf(subjects[0]),
        };
    }

    private static string RootDigest(IReadOnlyList<(string Name, string Sha256)> resources)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (_, digest) in resources)
        {
            sha.AppendData(Convert.FromHexString(digest));
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    private static List<(string Name, string Sha256)> ReadResources(JsonElement predicate)
    {
        var resources = new List<(string, string)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var resource in predicate.List("resources", What))
        {
            var name = resource.Text("name", What);
            if (PackagePath.FaultOf(name) is { } fault || !seen.Add(name))
            {
                throw new ProvenanceException($"{What} names the file '{PackagePath.Printable(name)}': {PackagePath.FaultOf(name) ?? "it is there twice"}");
            }

            Expect(resource.Text("algorithm", What), "sha256", $"algorithm of '{PackagePath.Printable(name)}'");
            var digest = resource.Text("digest", What);
            resources.Add(PackageFile.IsDigest(digest)
                ? (name, digest)
                : throw new ProvenanceException($"{What}: the digest of '{PackagePath.Printable(name)}' is not 64 lower-case hexadecimal digits"));
        }

        return resources;
    }

    private static List<PackageLink>? LinksOf(JsonElement subject) =>
        subject.Optional("annotations", JsonValueKind.Object, What)?.Optional(LinksAnnotation, JsonValueKind.Object, What) is { } links
            ? [.. links.EnumerateObject().Select(link => new PackageLink(link.Name, links.Text(link.Name, What)))]
            : null;

    private static string Path(JsonElement element) => element.ValueKind == JsonValueKind.String
        ? element.GetString()!.TrimEnd('/')
        : throw new ProvenanceException($"{What}: ignore_paths holds something that is no text");

    private static void Expect(string value, string expected, string what)
    {
        if (value != expected)
        {
            throw new ProvenanceException($"{What} has the {what} '{PackagePath.Printable(value)}'; '{expected}' is needed");
        }
    }
}
