using System.Text.Json;
using System.Text.Json.Nodes;
using NJsonSchema;

namespace LayerCake.Provenance.Tests.Statements;

/// <summary>The provenance and the bill of materials, as their formats want them.</summary>
[TestFixture]
internal sealed class StatementTests
{
    private JsonSchema _schema = null!;

    [OneTimeSetUp]
    public async Task LoadSchema()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Schemas", "bom-1.6.schema.json"));
        var root = JsonNode.Parse(text)!;
        RemoveForeign(root);
        _schema = await JsonSchema.FromJsonAsync(root.ToJsonString());
    }

    [Test]
    public void The_bill_of_materials_is_valid_CycloneDX_1_6()
    {
        using var package = new SmallPackage();

        Assert.That(_schema.Validate(File.ReadAllText(package.At(PackageFiles.Bom))).Select(fault => fault.ToString()), Is.Empty);
    }

    [TestCase("metadata.component.type", "model")]
    [TestCase("metadata.component.hashes.0.content", "no digest")]
    [TestCase("metadata.component.modelCard.modelParameters.datasets.0.ref", "")]
    [TestCase("serialNumber", "1")]
    public void The_schema_would_see_a_wrong_value(string path, string value)
    {
        using var package = new SmallPackage();
        var bom = JsonNode.Parse(File.ReadAllText(package.At(PackageFiles.Bom)))!;
        var names = path.Split('.');
        var at = bom;
        foreach (var name in names[..^1])
        {
            at = int.TryParse(name, out var index) ? at[index]! : at[name]!;
        }

        at[names[^1]] = value;

        Assert.That(_schema.Validate(bom.ToJsonString()), Is.Not.Empty);
    }

    [Test]
    public void The_bill_names_model_ancestor_data_and_quality()
    {
        using var package = new SmallPackage();
        using var bom = JsonDocument.Parse(File.ReadAllBytes(package.At(PackageFiles.Bom)));
        var component = bom.RootElement.GetProperty("metadata").GetProperty("component");
        var card = component.GetProperty("modelCard");
        var data = bom.RootElement.GetProperty("components")[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(component.GetProperty("pedigree").GetProperty("ancestors")[0].GetProperty("name").GetString(), Is.EqualTo("tiny"));
            Assert.That(card.GetProperty("modelParameters").GetProperty("modelArchitecture").GetString(), Is.EqualTo("LlamaForCausalLM"));
            Assert.That(
                card.GetProperty("quantitativeAnalysis").GetProperty("performanceMetrics").GetRawText().Where(c => !char.IsWhiteSpace(c)),
                Is.EqualTo("""[{"type":"perplexity","value":"6.12","slice":"eval"},{"type":"perplexity","value":"5.98"}]"""));
            Assert.That(card.GetProperty("modelParameters").GetProperty("datasets")[0].GetProperty("ref").GetString(), Is.EqualTo(data.GetProperty("bom-ref").GetString()));
            Assert.That(data.GetProperty("type").GetString(), Is.EqualTo("data"));
        }
    }

    [Test]
    public void What_was_not_measured_and_not_read_is_not_claimed()
    {
        var build = new BuildDescription { RecipeName = "r", WriteRecipe = WriteEmpty, Versions = new Dictionary<string, string>(), Steps = [], Materials = [] };

        var bom = ModelBom.Write(SmallPackage.Card with { Quality = [] }, build, []);

        using var document = JsonDocument.Parse(bom);
        var component = document.RootElement.GetProperty("metadata").GetProperty("component");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(component.TryGetProperty("pedigree", out _), Is.False);
            Assert.That(component.GetProperty("modelCard").TryGetProperty("quantitativeAnalysis", out _), Is.False);
            Assert.That(document.RootElement.GetProperty("components").GetArrayLength(), Is.Zero);
            Assert.That(_schema.Validate(System.Text.Encoding.UTF8.GetString(bom)), Is.Empty);
        }
    }

    [Test]
    public void The_provenance_has_what_SLSA_v1_requires_and_nothing_of_the_run()
    {
        using var package = new SmallPackage();
        using var statement = JsonDocument.Parse(File.ReadAllBytes(package.At(PackageFiles.Provenance)));
        var predicate = statement.RootElement.GetProperty("predicate");
        var definition = predicate.GetProperty("buildDefinition");
        var files = PackageInventory.Read(package.Folder).Files.ToDictionary(file => file.Path, file => file.Sha256);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statement.RootElement.GetProperty("_type").GetString(), Is.EqualTo("https://in-toto.io/Statement/v1"));
            Assert.That(statement.RootElement.GetProperty("predicateType").GetString(), Is.EqualTo("https://slsa.dev/provenance/v1"));
            Assert.That(definition.GetProperty("buildType").GetString(), Is.EqualTo("urn:layercake:build:v1"));
            Assert.That(definition.GetProperty("externalParameters").GetProperty("recipe").GetProperty("name").GetString(), Is.EqualTo("small"));
            Assert.That(
                definition.GetProperty("resolvedDependencies").EnumerateArray().Select(material => material.GetProperty("name").GetString()),
                Is.EqualTo(new[] { "model", "model/config.json", "model/model.safetensors", "dataset" }));
            Assert.That(predicate.GetProperty("runDetails").GetProperty("builder").GetProperty("id").GetString(), Is.EqualTo("urn:layercake:builder:v1"));
            Assert.That(predicate.GetProperty("runDetails").TryGetProperty("metadata", out _), Is.False);
            foreach (var subject in statement.RootElement.GetProperty("subject").EnumerateArray())
            {
                Assert.That(subject.GetProperty("digest").GetProperty("sha256").GetString(), Is.EqualTo(files[subject.GetProperty("name").GetString()!]));
            }
        }
    }

    [Test]
    public void A_known_revision_is_told()
    {
        const string commit = "0123456789abcdef0123456789abcdef01234567";
        var material = new Material { Name = Material.Model, Sha256 = new string('a', 64), IsFolder = true, Repository = "pkg:huggingface/some/model", Revision = commit };
        var build = new BuildDescription { RecipeName = "r", WriteRecipe = WriteEmpty, Versions = new Dictionary<string, string>(), Steps = [], Materials = [material] };

        using var statement = JsonDocument.Parse(SlsaProvenance.Write(build, []));
        var dependency = statement.RootElement.GetProperty("predicate").GetProperty("buildDefinition").GetProperty("resolvedDependencies")[0];
        using var bom = JsonDocument.Parse(ModelBom.Write(SmallPackage.Card, build, []));
        var ancestor = bom.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("pedigree").GetProperty("ancestors")[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(dependency.GetProperty("uri").GetString(), Is.EqualTo($"pkg:huggingface/some/model@{commit}"));
            Assert.That(dependency.GetProperty("annotations").GetProperty("revision").GetString(), Is.EqualTo(commit));
            Assert.That(ancestor.GetProperty("version").GetString(), Is.EqualTo(commit));
            Assert.That(ancestor.GetProperty("purl").GetString(), Is.EqualTo($"pkg:huggingface/some/model@{commit}"));
        }
    }

    private static void WriteEmpty(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteEndObject();
    }

    /// <summary>Takes out what refers to other schemas: licence names and JSF signatures, which our bills have none of.</summary>
    private static void RemoveForeign(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                if (map["$ref"] is JsonValue reference && reference.GetValue<string>() is var target && target[0] != '#')
                {
                    map.Remove("$ref");
                }

                foreach (var (_, child) in map)
                {
                    RemoveForeign(child);
                }

                break;
            case JsonArray list:
                foreach (var child in list)
                {
                    RemoveForeign(child);
                }

                break;
        }
    }
}
