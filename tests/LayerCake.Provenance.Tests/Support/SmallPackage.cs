using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LayerCake.Testing;

namespace LayerCake.Provenance.Tests;

/// <summary>A package with all its records, in a folder of its own, to be changed at will.</summary>
internal sealed class SmallPackage : IDisposable
{
    public const string First = "weights/a.bin";
    public const string Second = "weights/b.bin";
    public const string Script = "serve.sh";
    public const string Link = "model/weights";

    private const string Key = "1111111111111111111111111111111111111111111111111111111111111111";
    private static readonly byte[] s_text = "calibration\n"u8.ToArray();
    private readonly TemporaryFolder _folder = new();

    public SmallPackage(SigningKey? key = null)
    {
        Directory.CreateDirectory(At("weights"));
        Directory.CreateDirectory(At("model"));
        Directory.CreateDirectory(Model);
        File.WriteAllText(At(First), "the first weights");
        File.WriteAllText(At(Second), "the second weights");
        File.WriteAllText(At("empty"), "");
        File.WriteAllText(At(Script), "#!/bin/sh\n");
        File.CreateSymbolicLink(At(Link), "../weights");
        File.WriteAllText(Path.Combine(Model, "config.json"), "{}");
        File.WriteAllText(Path.Combine(Model, "model.safetensors"), "source weights");
        WriteRecords(key);
    }

    public string Folder => _folder.At("package");

    /// <summary>The source model's folder.</summary>
    public string Model => _folder.At("source");

    public string At(string path) => Path.Combine(Folder, path);

    public string Beside(string name) => _folder.At(name);

    public VerificationReport Verify(VerificationKey? key = null) => PackageVerifier.Verify(PackageInventory.Read(Folder), key);

    /// <summary>The package's archive, as it stands now.</summary>
    public string Archive(bool compress = true)
    {
        var path = Beside(compress ? "package.tar.zst" : "package.tar");
        using var file = File.Create(path);
        PackageArchive.Write(file, "small", Entries(), compress, CancellationToken.None);
        return path;
    }

    public IEnumerable<ArchiveEntry> Entries()
    {
        var inventory = PackageInventory.Read(Folder);
        return [
            .. inventory.Files.Select(file => new ArchiveEntry.File(file.Path, At(file.Path), file.Size, file.Path == Script)),
            .. inventory.Links.Select(link => new ArchiveEntry.Link(link.Path, link.Target)),
        ];
    }

    /// <summary>Changes the JSON of a record.</summary>
    public void Edit(string record, Action<JsonNode> change)
    {
        var node = JsonNode.Parse(File.ReadAllBytes(At(record)))!;
        change(node);
        File.WriteAllText(At(record), node.ToJsonString());
    }

    /// <summary>Writes SHA256SUMS anew, as someone would who covers a change up.</summary>
    public void WriteChecksums()
    {
        File.Delete(At(PackageFiles.Checksums));
        File.WriteAllText(At(PackageFiles.Checksums), string.Concat(Files().Where(file => file.Path != PackageFiles.Signature).Select(file => $"{file.Sha256}  {file.Path}\n")));
    }

    public void Sign(SigningKey key)
    {
        File.Delete(At(PackageFiles.Signature));
        File.WriteAllBytes(At(PackageFiles.Signature), ModelSignature.Sign(key, "small", PackageInventory.Read(Folder)));
    }

    public void Dispose() => _folder.Dispose();

    private void WriteRecords(SigningKey? key)
    {
        var outputs = Files();
        var links = PackageInventory.Read(Folder).Links;
        var model = PackageInventory.Read(Model).Files.Select(file => (file.Path, file.Sha256)).ToList();
        var build = new BuildDescription
        {
            RecipeName = "small",
            WriteRecipe = WriteRecipe,
            Versions = new Dictionary<string, string> { ["layercake"] = "1.2.3", ["engine"] = "lmdeploy 0.1.0" },
            Steps = [new BuildStepDescription("convert", 1, Key, Key, [])],
            Materials =
            [
                new Material { Name = Material.Model, Sha256 = PackageFile.TreeDigest(model), IsFolder = true, Files = model },
                new Material { Name = Material.Dataset, Sha256 = Convert.ToHexStringLower(SHA256.HashData(s_text)) },
            ],
        };
        File.WriteAllBytes(At(PackageFiles.BuildRecord), BuildRecord(build, outputs, links));
        File.WriteAllBytes(At(PackageFiles.Bom), ModelBom.Write(Card, build, outputs));
        File.WriteAllBytes(At(PackageFiles.Provenance), SlsaProvenance.Write(build, Files()));
        WriteChecksums();
        if (key is not null)
        {
            Sign(key);
        }
    }

    public static ModelCard Card { get; } = new()
    {
        Name = "small",
        SourceName = "tiny",
        Architecture = "LlamaForCausalLM",
        Family = "transformer",
        Facts = new Dictionary<string, string> { ["weights"] = "int4" },
        Quality = [new QualityFigure("perplexity", "6.12", "eval"), new QualityFigure("perplexity", "5.98")],
    };

    private List<PackageFile> Files() => [.. PackageInventory.Read(Folder).Files];

    private static void WriteRecipe(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", "small");
        json.WriteEndObject();
    }

    private static byte[] BuildRecord(BuildDescription build, List<PackageFile> outputs, IReadOnlyList<PackageLink> links)
    {
        var record = new JsonObject
        {
            ["format"] = 1,
            ["recipe"] = new JsonObject { ["name"] = build.RecipeName, ["sha256"] = Key, ["fields"] = new JsonObject { ["name"] = "small" } },
            ["versions"] = new JsonObject { ["engine"] = "lmdeploy 0.1.0", ["layercake"] = "1.2.3" },
            ["steps"] = new JsonArray(new JsonObject
            {
                ["step"] = "convert",
                ["version"] = 1,
                ["key"] = Key,
                ["tree"] = Key,
                ["after"] = new JsonArray(),
                ["inputs"] = new JsonObject { ["dataset"] = build.Materials[1].Sha256 },
            }),
            ["outputs"] = new JsonArray([.. outputs.Select(file => new JsonObject { ["path"] = file.Path, ["sha256"] = file.Sha256, ["size"] = file.Size })]),
            ["links"] = new JsonArray([.. links.Select(link => new JsonObject { ["path"] = link.Path, ["link"] = link.Target })]),
        };
        return Encoding.UTF8.GetBytes(record.ToJsonString());
    }
}
