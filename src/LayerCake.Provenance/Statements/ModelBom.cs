using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>
/// The CycloneDX 1.6 bill of materials of a package: the model with its card, the model it descends from, the data it was calibrated on, the program that made
/// it. No time stamp; the serial number comes from the content, so that the same package has the same one.
/// </summary>
public static class ModelBom
{
    internal const string SpecVersion = "1.6";
    private const string Package = "package";
    private const string Source = "source-model";
    private const string Data = "calibration-text";

    /// <summary>The bill's bytes.</summary>
    /// <param name="card">What the model is.</param>
    /// <param name="build">How it was made; its materials named <see cref="Material.Model"/> and <see cref="Material.Dataset"/> become ancestor and data.</param>
    /// <param name="files">The files of the workspace; the component's hash is their <see cref="PackageFile.TreeDigest"/>.</param>
    public static byte[] Write(ModelCard card, BuildDescription build, IReadOnlyList<PackageFile> files)
    {
        var tree = PackageFile.TreeDigest(files.Select(file => (file.Path, file.Sha256)));
        var model = build.Materials.FirstOrDefault(material => material.Name == Material.Model);
        var data = build.Materials.FirstOrDefault(material => material.Name == Material.Dataset);
        return JsonBytes.Indented(json =>
        {
            json.WriteString("$schema", $"http://cyclonedx.org/schema/bom-{SpecVersion}.schema.json");
            json.WriteString("bomFormat", "CycloneDX");
            json.WriteString("specVersion", SpecVersion);
            json.WriteString("serialNumber", SerialNumber(card.Name, tree));
            json.WriteNumber("version", 1);
            json.WriteObject("metadata", () =>
            {
                json.WriteObject("tools", () => json.WriteArray("components", () => WriteTools(json, build.Versions)));
                json.WriteObject("component", () => WriteModel(json, card, tree, model, data));
            });
            json.WriteArray("components", () =>
            {
                if (data is not null)
                {
                    json.WriteItem(() => WriteData(json, data));
                }
            });
            json.WriteArray("dependencies", () => json.WriteItem(() =>
            {
                json.WriteString("ref", Package);
                if (data is not null)
                {
                    json.WriteArray("dependsOn", () => json.WriteStringValue(Data));
                }
            }));
        });
    }

    private static void WriteTools(Utf8JsonWriter json, IReadOnlyDictionary<string, string> versions)
    {
        if (versions.TryGetValue("layercake", out var version))
        {
            json.WriteItem(() =>
            {
                json.WriteString("type", "application");
                json.WriteString("name", "LayerCake");
                json.WriteString("version", version);
                json.WriteArray("properties", () =>
                {
                    foreach (var (name, value) in versions.Where(pair => pair.Key != "layercake").OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    {
                        WriteProperty(json, name, value);
                    }
                });
            });
        }
    }

    private static void WriteModel(Utf8JsonWriter json, ModelCard card, string tree, Material? model, Material? data)
    {
        json.WriteString("type", "machine-learning-model");
        json.WriteString("bom-ref", Package);
        json.WriteString("name", card.Name);
        json.WriteString("version", tree[..12]);
        json.WriteString("description", $"{card.SourceName}, quantized or converted for a serving engine");
        WriteHash(json, tree);
        if (model is not null)
        {
            json.WriteObject("pedigree", () =>
            {
                json.WriteArray("ancestors", () => json.WriteItem(() => WriteAncestor(json, card, model)));
                json.WriteString("notes", $"Built from the ancestor; {PackageFiles.Provenance} lists its files and says how.");
            });
        }

        json.WriteObject("modelCard", () => WriteCard(json, card, data));
    }

    private static void WriteAncestor(Utf8JsonWriter json, ModelCard card, Material model)
    {
        json.WriteString("type", "machine-learning-model");
        json.WriteString("bom-ref", Source);
        json.WriteString("name", card.SourceName);
        if (model.Revision is { } revision)
        {
            json.WriteString("version", revision);
        }

        WriteHash(json, model.Sha256);
        if (model.Uri is { } uri)
        {
            json.WriteString("purl", uri);
        }
    }

    private static void WriteCard(Utf8JsonWriter json, ModelCard card, Material? data)
    {
        json.WriteObject("modelParameters", () =>
        {
            json.WriteString("task", "text-generation");
            json.WriteString("architectureFamily", card.Family);
            json.WriteString("modelArchitecture", card.Architecture);
            if (data is not null)
            {
                json.WriteArray("datasets", () => json.WriteItem(() => json.WriteString("ref", Data)));
            }

            json.WriteArray("inputs", () => json.WriteItem(() => json.WriteString("format", "text")));
            json.WriteArray("outputs", () => json.WriteItem(() => json.WriteString("format", "text")));
        });
        if (card.Quality.Count > 0)
        {
            json.WriteObject("quantitativeAnalysis", () => json.WriteArray("performanceMetrics", () =>
            {
                foreach (var figure in card.Quality)
                {
                    json.WriteItem(() =>
                    {
                        json.WriteString("type", figure.Type);
                        json.WriteString("value", figure.Value);
                        if (figure.Slice is { } slice)
                        {
                            json.WriteString("slice", slice);
                        }
                    });
                }
            }));
        }

        json.WriteArray("properties", () =>
        {
            foreach (var (name, value) in card.Facts.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                WriteProperty(json, name, value);
            }
        });
    }

    private static void WriteData(Utf8JsonWriter json, Material data)
    {
        json.WriteString("type", "data");
        json.WriteString("bom-ref", Data);
        json.WriteString("name", "calibration text");
        WriteHash(json, data.Sha256);
        json.WriteArray("data", () => json.WriteItem(() =>
        {
            json.WriteString("type", "dataset");
            json.WriteString("name", "calibration text");
            json.WriteString("description", "The text that the model read while its activations were observed.");
        }));
    }

    private static void WriteHash(Utf8JsonWriter json, string digest) => json.WriteArray("hashes", () => json.WriteItem(() =>
    {
        json.WriteString("alg", "SHA-256");
        json.WriteString("content", digest);
    }));

    private static void WriteProperty(Utf8JsonWriter json, string name, string value) => json.WriteItem(() =>
    {
        json.WriteString("name", $"layercake:{name}");
        json.WriteString("value", value);
    });

    /// <summary>A UUID of version 8 (RFC 9562: the bits are the maker's own): the first bits of the digest of name and content.</summary>
    private static string SerialNumber(string name, string tree)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"{name}\n{tree}\n"))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return $"urn:uuid:{new Guid(bytes, bigEndian: true)}";
    }
}
