using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>
/// SLSA provenance v1 in an in-toto Statement v1: which files came out of which recipe, model and data. What the format offers for times and for the run
/// (invocation id, started, finished) is left out: the statement is part of a package that anyone can build again to the same bytes.
/// </summary>
public static class SlsaProvenance
{
    public const string StatementType = "https://in-toto.io/Statement/v1";

    public const string PredicateType = "https://slsa.dev/provenance/v1";

    /// <summary>What the fields of the build definition mean; described in docs/provenance.md.</summary>
    public const string BuildType = "urn:layercake:build:v1";

    /// <summary>Any run of the program: it vouches for nothing but itself. Who built is what a signature says.</summary>
    public const string BuilderId = "urn:layercake:builder:v1";

    /// <summary>The statement's bytes.</summary>
    /// <param name="build">How the subjects were made.</param>
    /// <param name="subjects">The files of the package, the statement itself not among them.</param>
    public static byte[] Write(BuildDescription build, IReadOnlyList<PackageFile> subjects) => JsonBytes.Indented(json =>
    {
        json.WriteString("_type", StatementType);
        json.WriteArray("subject", () =>
        {
            foreach (var file in subjects.OrderBy(file => file.Path, StringComparer.Ordinal))
            {
                WriteResource(json, file.Path, "sha256", file.Sha256);
            }
        });
        json.WriteString("predicateType", PredicateType);
        json.WriteObject("predicate", () =>
        {
            json.WriteObject("buildDefinition", () => WriteDefinition(json, build));
            json.WriteObject("runDetails", () => json.WriteObject("builder", () =>
            {
                json.WriteString("id", BuilderId);
                WriteTexts(json, "version", build.Versions);
            }));
        });
    });

    private static void WriteDefinition(Utf8JsonWriter json, BuildDescription build)
    {
        json.WriteString("buildType", BuildType);
        json.WriteObject("externalParameters", () =>
        {
            json.WritePropertyName("recipe");
            build.WriteRecipe(json);
        });
        json.WriteObject("internalParameters", () => json.WriteArray("steps", () =>
        {
            foreach (var step in build.Steps)
            {
                json.WriteItem(() =>
                {
                    json.WriteString("name", step.Name);
                    json.WriteNumber("version", step.Version);
                    json.WriteString("key", step.Key);
                    json.WriteString("output", step.Output);
                    json.WriteArray("after", () =>
                    {
                        foreach (var name in step.After)
                        {
                            json.WriteStringValue(name);
                        }
                    });
                });
            }
        }));
        json.WriteArray("resolvedDependencies", () =>
        {
            foreach (var material in build.Materials)
            {
                WriteMaterial(json, material);
            }
        });
    }

    private static void WriteMaterial(Utf8JsonWriter json, Material material)
    {
        json.WriteItem(() =>
        {
            json.WriteString("name", material.Name);
            if (material.Uri is { } uri)
            {
                json.WriteString("uri", uri);
            }

            json.WriteObject("digest", () => json.WriteString(material.IsFolder ? "dirHash" : "sha256", material.Sha256));
            if (material.Revision is { } revision)
            {
                json.WriteObject("annotations", () => json.WriteString("revision", revision));
            }
        });
        foreach (var (path, digest) in material.Files)
        {
            WriteResource(json, $"{material.Name}/{path}", "sha256", digest);
        }
    }

    private static void WriteResource(Utf8JsonWriter json, string name, string algorithm, string digest) => json.WriteItem(() =>
    {
        json.WriteString("name", name);
        json.WriteObject("digest", () => json.WriteString(algorithm, digest));
    });

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, string> texts) => json.WriteObject(name, () =>
    {
        foreach (var (key, text) in texts.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, text);
        }
    });
}
