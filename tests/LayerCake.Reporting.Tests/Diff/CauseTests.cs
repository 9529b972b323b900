using LayerCake.Steps;
using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed class CauseTests
{
    [Test]
    public void A_difference_is_joined_to_the_field_of_the_recipe_that_made_it()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a, samples: 64);
        Record.Write(b, samples: 32);

        var difference = PackageDiff.Compare(a, b);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(difference.Record!.Story, Is.EqualTo(new[]
            {
                "calibrate.samples 64 → 32 changed calibrate; its statistics changed kv_qparams and auto_awq; auto_awq's int4 checkpoint changed convert",
                "calibrate.samples 64 → 32 changed auto_awq; its int4 checkpoint changed convert",
            }));
            Assert.That(difference.DifferingTensors.Single().Cause, Is.EqualTo(new Cause("calibrate.samples 64 → 32", true)));
        }
    }

    [Test]
    public void A_changed_model_is_told_by_its_digests()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a, model: "one");
        Record.Write(b, model: "two");

        var cause = PackageDiff.Compare(a, b).DifferingTensors.Single().Cause!;

        Assert.That((cause.Text, cause.IsExplained), Is.EqualTo(($"the input model {Digest.Of("one").Short} → {Digest.Of("two").Short}", true)));
    }

    [Test]
    public void Without_records_a_difference_is_unexplained()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a);

        var cause = PackageDiff.Compare(a, b).DifferingTensors.Single().Cause!;

        Assert.That((cause.Text, cause.IsExplained), Is.EqualTo(("unexplained: B has no build.json", false)));
    }

    [Test]
    public void A_tensor_that_the_recorded_changes_cannot_have_changed_is_unexplained()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder, checkpoint => checkpoint.Values<Half>("model.embed_tokens.weight")[0] += (Half)1);
        Record.Write(a, samples: 64);
        Record.Write(b, samples: 32);

        var causes = PackageDiff.Compare(a, b).DifferingTensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Cause!);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(causes["tok_embeddings.weight"].IsExplained, Is.False, "other samples leave the embedding as it is");
            Assert.That(causes["layers.1.attention.wo.0"].IsExplained, Is.True);
        }
    }

    [Test]
    public void A_tensor_that_was_changed_after_the_build_is_told_so()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a, samples: 64);
        Record.Write(b, samples: 32);
        var file = Path.Combine(b, "norm.weight");
        var bytes = File.ReadAllBytes(file);
        bytes[0] ^= 1;
        File.WriteAllBytes(file, bytes);

        var cause = PackageDiff.Compare(a, b).Tensors.Single(tensor => tensor.Name == "norm.weight").Cause!;

        Assert.That(cause.IsExplained, Is.False);
        Assert.That(cause.Text, Does.StartWith("unexplained: norm.weight of B is not the one that was built"));
    }

    [Test]
    public void One_key_with_two_outputs_is_called_not_deterministic()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a);
        Record.Write(b, salt: "other");

        var difference = PackageDiff.Compare(a, b);

        Assert.That(difference.Record!.Story, Has.Some.EqualTo("convert ran twice with one key and gave different bytes: it is not deterministic"));
        Assert.That(difference.DifferingTensors.Single().Cause!.IsExplained, Is.False);
    }

    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("""{"format":1,"recipe":{"name":"x","fields":{"a":[1]}},"versions":{},"steps":[],"outputs":[]}""")]
    [TestCase("""{"format":1,"recipe":{"name":"x","fields":{}},"versions":{},"steps":[],"outputs":[{"path":"../x","sha256":"00","size":1}]}""")]
    public void A_damaged_record_is_told_and_not_believed(string json)
    {
        using var folder = new TemporaryFolder();
        var (a, b) = Packages(folder);
        Record.Write(a);
        File.WriteAllText(Path.Combine(b, "build.json"), json);

        var difference = PackageDiff.Compare(a, b);

        Assert.That(difference.Record!.Missing.Single(), Does.StartWith("B has a damaged build.json"));
        Assert.That(difference.DifferingTensors.Single().Cause!.IsExplained, Is.False);
    }

    /// <summary>The table of fields by step against the keys that the steps themselves write.</summary>
    [Test]
    public void The_table_of_fields_is_that_of_the_steps_keys()
    {
        using var folder = new TemporaryFolder();
        var recipe = RecipeReader.Load(RepositoryFiles.Recipes("internlm-tiny-w4kv8.yaml"), []);
        var build = RecipeBuild.Open(recipe, folder.Path);
        var all = Fields(KeyDocument.Of(recipe.AddTo));

        foreach (var step in build.Steps)
        {
            Assert.That(all.Where(field => StepFields.Has(step.Name, field)), Is.EquivalentTo(Fields(KeyDocument.Of(step.AddTo))), step.Name);
        }
    }

    private static List<string> Fields(KeyDocument document) => [.. KeyDocument.Diff(new KeyDocument(), document).Select(field => field.Field)];

    /// <summary>Two workspaces that differ in one code, and in what <paramref name="change"/> does.</summary>
    private static (string A, string B) Packages(TemporaryFolder folder, Action<Checkpoint>? change = null)
    {
        var changed = new Checkpoint();
        changed.ChangeCode("model.layers.1.self_attn.o_proj", 3, 4, by: 1);
        change?.Invoke(changed);
        return (new Checkpoint().ConvertTo(folder.At("a")), changed.ConvertTo(folder.At("b")));
    }
}
