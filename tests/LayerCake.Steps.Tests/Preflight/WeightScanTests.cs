using LayerCake.Building;
using LayerCake.Quantization;

namespace LayerCake.Steps.Tests.Preflight;

/// <summary>Weights that int4 cannot hold are found at the start of calibrate, which is the long step.</summary>
[TestFixture]
internal sealed class WeightScanTests
{
    // float16, little endian.
    private static readonly byte[] s_nan = [0x00, 0x7e];
    private static readonly byte[] s_infinity = [0x00, 0x7c];

    [TestCase("model.layers.5.mlp.down_proj.weight", "NaN")]
    [TestCase("lm_head.weight", "∞")]
    public async Task A_weight_that_is_no_number_is_refused_by_name_before_a_layer_is_computed(string tensor, string value)
    {
        using var project = new DemoProject();
        Safetensors.Patch(project.InModel("model.safetensors"), tensor, element: 1000, value == "NaN" ? s_nan : s_infinity);
        var reporter = new RecordingReporter();
        using var store = ArtifactStore.Open(RecipeBuild.StoreFolder(project.Artifacts));
        var plan = BuildPlan.Create("demo", project.Open().Steps, store);

        await Assert.ThatAsync(
            () => new StepRunner(store, reporter).RunAllAsync(plan), Throws.TypeOf<QuantizationException>().With.Message.Contains(tensor));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reporter.Lines, Has.None.Contains("samples:"));
            Assert.That(store.Find(plan[StepNames.Calibrate].Key).Record, Is.Null);
            Assert.That(Directory.Exists(Path.Combine(store.Root, "cas")), Is.False);
        }
    }

    [Test]
    public async Task Statistics_that_were_cached_without_a_scan_do_not_let_a_bad_weight_through()
    {
        using var project = new DemoProject();
        Safetensors.Patch(project.InModel("model.safetensors"), "lm_head.weight", element: 1000, s_nan);
        var scales = await project.BuildAsync("auto_awq=null");
        using var store = ArtifactStore.Open(RecipeBuild.StoreFolder(project.Artifacts));
        var plan = BuildPlan.Create("demo", project.Open().Steps, store);

        Assert.That(scales.Ran, Has.Member(StepNames.Calibrate));
        Assert.That(plan[StepNames.Calibrate].Outcome, Is.EqualTo(PlannedOutcome.Hit));
        await Assert.ThatAsync(
            () => new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan), Throws.TypeOf<QuantizationException>().With.Message.Contains("lm_head.weight"));
    }
}
