using LayerCake.Building;
using LayerCake.Quantization;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

/// <summary>A report of the demo recipe against the files it was made of.</summary>
public sealed class ReportCollectorTests
{
    private const int Layers = 6;

    [Test]
    public void Sizes_are_those_of_the_model_and_the_package()
    {
        var sizes = DemoReport.Data.Sizes;
        var model = Directory.EnumerateFiles(RepositoryFiles.DemoModel, "*.safetensors").Sum(file => new FileInfo(file).Length);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sizes.SourceWeights, Is.EqualTo(model));
            Assert.That(sizes.PackageWeights, Is.LessThan(model).And.LessThan(sizes.Package!));
            Assert.That((sizes.CachePerTokenBefore, sizes.CachePerToken, sizes.WeightType), Is.EqualTo(((long?)6144, (long?)3072, "int4")));
        }
    }

    [Test]
    public void Ranges_are_those_that_calibrate_saw()
    {
        using var store = ArtifactStore.Open(DemoReport.StoreFolder);
        var calibrate = DemoReport.Data.Steps.Single(step => step.Name == "calibrate");
        var tree = store.Find(new StepKey(Digest.Parse(calibrate.Key))).Record!.Tree;
        using var folder = new TemporaryFolder();
        foreach (var file in tree.Entries.OfType<TreeEntry.File>())
        {
            File.Copy(store.ContentPath(file), folder.At(file.Path.Value));
        }

        var (keys, values) = (StatisticsFiles.ReadKeys(folder.Path), StatisticsFiles.ReadValues(folder.Path));

        Assert.That(DemoReport.Data.KeyValueRanges, Has.Count.EqualTo(Layers));
        foreach (var range in DemoReport.Data.KeyValueRanges)
        {
            // Scale and zero point are float16.
            Assert.That(range.KeyMin, Is.EqualTo((float)keys.GetAt(range.Layer).Value.Min.Min()).Within(0.02));
            Assert.That(range.KeyMax, Is.EqualTo((float)keys.GetAt(range.Layer).Value.Max.Max()).Within(0.02));
            Assert.That(range.ValueMin, Is.EqualTo((float)values.GetAt(range.Layer).Value.Min.Min()).Within(0.02));
        }
    }

    [Test]
    public void Every_linear_has_its_error()
    {
        var errors = DemoReport.Data.WeightErrors;

        Assert.That(errors, Has.Count.EqualTo(7 * Layers).And.All.Matches<WeightError>(error => error!.Error is > 0.01 and < 0.5));
        Assert.That(errors.Select(error => error.Layer).Distinct(), Is.EqualTo(Enumerable.Range(0, Layers)));
    }

    [Test]
    public void Every_linear_has_its_sensitivities_and_what_was_used_comes_last()
    {
        var linears = DemoReport.Data.Sensitivities;

        Assert.That(linears.Select(linear => (linear.Layer, linear.Linear)), Is.EquivalentTo(DemoReport.Data.WeightErrors.Select(error => (error.Layer, error.Linear))));
        foreach (var linear in linears)
        {
            var errors = linear.Errors.ToDictionary(error => error.Name, error => error.Error);
            Assert.That(errors.Keys, Is.SupersetOf(new[] { "rtn, 3 bits", "rtn, 4 bits", "rtn, 8 bits", "awq, 4 bits" }));
            Assert.That(linear.Used.Name, Is.EqualTo(errors.ContainsKey("gptq, 4 bits") ? "gptq, 4 bits" : "rtn, 4 bits"));
            Assert.That(errors["rtn, 8 bits"], Is.LessThan(errors["rtn, 4 bits"]).And.LessThan(errors["awq, 4 bits"]));
        }
    }

    [Test]
    public void The_record_has_recipe_inputs_and_versions()
    {
        var record = DemoReport.Data.Record.ToDictionary(section => section.Title, section => section.Rows.ToDictionary());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(record["Recipe"]["calibrate.samples"], Is.EqualTo("2"));
            Assert.That(record["Inputs (SHA-256)"].Keys, Is.SupersetOf(new[] { "dataset", "model", "tokenizer" }));
            Assert.That(record["Versions"].Keys, Has.Some.EqualTo("numerics").And.Some.EqualTo("step auto_awq"));
        }
    }

    [Test]
    public void A_build_whose_store_was_emptied_still_has_its_steps()
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"));
        var build = DemoReport.Recipe;
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store);

        var data = new ReportCollector(store).Collect(plan, "artifacts/demo", [new StepPlanned(build.Recipe.Name, "calibrate", plan["calibrate"].Key, "run", "never built", [])]);

        Assert.That(data.Steps.Select(step => step.Name), Is.EqualTo(new[] { "calibrate" }));
        Assert.That((data.PackageDigest, data.WeightErrors.Count, data.Record.Count), Is.EqualTo((null as string, 0, 0)));
    }
}
