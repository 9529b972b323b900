using System.Text.Json.Nodes;
using CsCheck;
using NJsonSchema;

namespace LayerCake.Recipes.Tests;

internal sealed class JsonSchemaTests
{
    private static readonly string s_path = RepositoryFiles.Recipes("recipe.schema.json");

    private JsonSchema _schema = null!;

    [OneTimeSetUp]
    public async Task Load() => _schema = await JsonSchema.FromJsonAsync(RecipeJsonSchema.Text);

    [Test]
    public void The_committed_schema_is_the_one_that_the_reader_describes() =>
        Assert.That(File.ReadAllText(s_path), Is.EqualTo(RecipeJsonSchema.Text), "run the test Write_the_schema to renew it");

    [Test]
    [Explicit("Renews recipes/recipe.schema.json after a key of the recipe changed.")]
    public void Write_the_schema()
    {
        File.WriteAllText(s_path, RecipeJsonSchema.Text);

        Assert.That(File.ReadAllText(s_path), Is.EqualTo(RecipeJsonSchema.Text));
    }

    [Test]
    public void Reader_and_schema_take_and_refuse_the_same_recipes()
    {
        var taken = 0;

        Candidates().Sample(
            recipe =>
            {
                // JSON is YAML, so one text serves both.
                var text = recipe.ToJsonString();
                var faults = _schema.Validate(text);
                var message = Read(text);
                Interlocked.Add(ref taken, message is null ? 1 : 0);
                Assert.That(message is null, Is.EqualTo(faults.Count == 0), $"{text}\nschema: {string.Join(", ", faults)}\nreader: {message}");
            },
            iter: 2000);

        Assert.That(taken, Is.GreaterThan(200), "the candidates must not all be wrong");
    }

    [Test]
    public void Every_legal_example_and_default_is_taken_by_both()
    {
        foreach (var field in RecipeSchema.Sections.Prepend(RecipeSchema.Top).SelectMany(section => section.Fields))
        {
            foreach (var example in field.Examples.Concat(field.DefaultText is { } text ? [text] : []))
            {
                var recipe = Base(field.Section);
                var holder = field.Section.Length == 0 ? recipe : recipe[field.Section]!.AsObject();
                holder[field.Name] = ValueOf(example);
                if (field == ConvertFields.WeightType)
                {
                    recipe.Remove("auto_awq");
                }

                Assert.That(Read(recipe.ToJsonString()), Is.Null, field.Path);
                Assert.That(_schema.Validate(recipe.ToJsonString()), Is.Empty, field.Path);
            }
        }
    }

    [TestCase("""{"extends": "base.yaml"}""", true, Description = "all of it may stand in the base")]
    [TestCase("""{"extends": "../a/base.yml", "auto_awq": null, "calibrate": {"samples": null}, "matrix": {"calibrate.seed": null}}""", true)]
    [TestCase("""{"extends": "base"}""", false)]
    [TestCase("""{"extends": "https://x/base.yaml"}""", false)]
    [TestCase("""{"extends": null}""", false)]
    [TestCase("""{"extends": "base.yaml", "auto_awk": null}""", false)]
    [TestCase("""{"name": "a", "matrix": {"model.name": ["llama2", "llama"], "model.source": ["x", "y"]}}""", true, Description = "the matrix brings the section along")]
    [TestCase("""{"matrix": {"model.name": ["llama2", "llama"], "model.source": ["x", "y"]}}""", false, Description = "the name it cannot bring")]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": [1, 2]}}""", true)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": [1, 3]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": [1]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": [1, 1]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": [1, null]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": null}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert.tensor_parallel": 2}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"convert": [1, 2]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {"name": ["a", "b"]}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": {}}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "matrix": null}""", false)]
    [TestCase("""{"name": "a", "model": {"name": "llama2", "source": "x"}, "package": null}""", false, Description = "there is nothing to remove")]
    public void Reader_and_schema_agree_about_extends_and_matrix(string recipe, bool legal)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("a"));
        Directory.CreateDirectory(folder.At("b"));
        foreach (var name in new[] { "b/base.yaml", "a/base.yml" })
        {
            File.WriteAllText(folder.At(name), Recipes.Full + "\nmatrix: { calibrate.seed: [1, 2] }");
        }

        var read = true;
        try
        {
            RecipeReader.ParseAll(recipe, "demo.json", folder.At("b"), []);
        }
        catch (RecipeException)
        {
            read = false;
        }

        Assert.That(_schema.Validate(recipe).Count == 0, Is.EqualTo(legal), "schema");
        Assert.That(read, Is.EqualTo(legal), "reader");
    }

    /// <summary>An example as JSON writes it.</summary>
    private static JsonNode ValueOf(string example) => bool.TryParse(example, out var flag) ? flag
        : long.TryParse(example, out var number) ? number
        : double.TryParse(example, out var real) ? real
        : example;

    private static string? Read(string text)
    {
        try
        {
            Recipes.Parse(text);
            return null;
        }
        catch (RecipeException e)
        {
            return e.Message;
        }
    }

    private static JsonObject Base(string section)
    {
        var recipe = new JsonObject
        {
            ["name"] = "demo",
            ["model"] = new JsonObject { ["name"] = "llama2", ["source"] = "models/llama" },
            ["calibrate"] = new JsonObject { ["dataset"] = "a.txt" },
            ["kv_qparams"] = new JsonObject(),
            ["auto_awq"] = new JsonObject(),
        };
        if (section.Length > 0)
        {
            recipe[section] ??= section == RecipeSchema.Evaluate.Name ? new JsonObject { ["dataset"] = "a.txt" } : new JsonObject();
        }

        return recipe;
    }

    /// <summary>Recipes with few faults: each section is there or not, each value is left out, legal, or now and then anything.</summary>
    private static Gen<JsonObject> Candidates()
    {
        var strange = Gen.OneOf(
            AnyOf.These("", "x", "int8", "true", "4", "lmdeploy 0.4.2", "lmdeploy 0.1.7", "ptb", "a.txt", "hf:a/b@main", "auto", "float16", "bfloat16", "8 GiB", "..", "é")
                .Select(text => (JsonNode?)JsonValue.Create(text)),
            AnyOf.These<long>(-1, 0, 1, 2, 3, 4, 64, 65, 128, 100_000, 100_001, 1 << 20, (1 << 20) + 1, uint.MaxValue, 1L + uint.MaxValue, long.MaxValue)
                .Select(number => (JsonNode?)JsonValue.Create(number)),
            Gen.Const((JsonNode?)null),
            Gen.Bool.Select(flag => (JsonNode?)JsonValue.Create(flag)),
            Gen.Const(1.5).Select(number => (JsonNode?)JsonValue.Create(number)),
            Gen.Const(0).Select(_ => (JsonNode?)new JsonArray()),
            Gen.Const(0).Select(_ => (JsonNode?)new JsonObject()));

        return Gen.Select(Gen.Int[0, int.MaxValue], strange.Array[6], Gen.Double.Unit.Array[40]).Select((seed, oddities, chances) =>
        {
            var next = 0;
            double Chance() => chances[next++ % chances.Length];
            JsonNode? Odd() => oddities[next++ % oddities.Length]?.DeepClone();

            var recipe = new JsonObject();
            void Fill(JsonObject holder, RecipeSection section)
            {
                foreach (var field in section.Fields)
                {
                    var chance = Chance();
                    if (chance < 0.03)
                    {
                        holder[field.Name] = Odd();
                    }
                    else if (field.IsRequired ? chance < 0.98 : chance < 0.5)
                    {
                        var example = field.Examples[(seed + next) % field.Examples.Count];
                        holder[field.Name] = ValueOf(example);
                    }
                }

                if (Chance() < 0.01)
                {
                    holder["unknown"] = Odd();
                }
            }

            Fill(recipe, RecipeSchema.Top);
            foreach (var section in RecipeSchema.Sections)
            {
                var chance = Chance();
                if (chance < 0.02)
                {
                    recipe[section.Name] = Odd();
                }
                else if (section.IsRequired || chance < 0.7)
                {
                    var holder = new JsonObject();
                    Fill(holder, section);
                    recipe[section.Name] = holder;
                }
            }

            return recipe;
        });
    }
}
