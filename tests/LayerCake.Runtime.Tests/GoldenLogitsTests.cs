using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Runtime.Tests;

/// <summary>The whole forward pass against a float16 model on a GPU.</summary>
internal sealed class GoldenLogitsTests
{
    // Values of a layer are rounded to float16, 2^-11 of themselves, at other places than PyTorch rounds them, and sums have another order;
    // a few such roundings add up before the head. The largest logit is a few units, so this is about one to two float16 steps of it.
    private const double Bound = 4e-3;

    public static IEnumerable<string> Names => ["internlm", "llama-gqa", "llama-sharded-bf16"];

    [TestCaseSource(nameof(Names))]
    public void Logits_of_the_source_folder_agree_with_the_GPU_run(string name)
    {
        using var model = TurboMindModel.Load(RepositoryFiles.Golden(name, "model"), Models.OnCpu with { WeightType = WeightType.Float16 });

        Assert.That(model.SourceKind, Is.EqualTo(ModelSourceKind.Checkpoint));
        AssertGolden(name, model);
    }

    [TestCase("internlm", 1)]
    [TestCase("internlm", 2)]
    [TestCase("llama-gqa", 1)]
    [TestCase("llama-gqa", 2)]
    [TestCase("llama-sharded-bf16", 1)]
    public void A_workspace_of_any_ranks_gives_the_logits_of_its_source_bit_for_bit(string name, int ranks)
    {
        using var folder = new TemporaryFolder();
        Models.Convert(RepositoryFiles.Golden(name, "model"), folder.Path, ranks, WeightType.Float16);
        using var source = TurboMindModel.Load(RepositoryFiles.Golden(name, "model"), Models.OnCpu with { WeightType = WeightType.Float16 });
        using var workspace = TurboMindModel.Load(folder.Path, Models.OnCpu with { Threads = 1 });
        var ids = Models.CalibrationRows(name)[0];

        Assert.That(Models.AllLogits(workspace, ids), Is.EqualTo(Models.AllLogits(source, ids)));
        AssertGolden(name, workspace);
    }

    [Test]
    public void A_whole_workspace_runs_as_one_of_two_ranks_where_the_second_ranks_files_are_absent()
    {
        using var folder = new TemporaryFolder();
        Models.Convert(RepositoryFiles.Golden("llama-gqa", "model"), folder.Path);
        var path = folder.At(EngineConfigurationFile.FileName);
        EngineConfigurationFile.Write(folder.Path, EngineConfigurationFile.Read(path) with { TensorParallel = 2 });
        using var model = TurboMindModel.Load(folder.Path, Models.OnCpu);

        AssertGolden("llama-gqa", model);
    }

    [Test]
    public void A_bfloat16_model_agrees_within_bfloat16_rounding()
    {
        using var model = TurboMindModel.Load(RepositoryFiles.Golden("llama-sharded-bf16", "model"), Models.OnCpu);
        var logits = Models.CalibrationRows("llama-sharded-bf16").SelectMany(row => Models.AllLogits(model, row)).ToArray();

        // Eight times float16's step.
        Assert.That(model.Configuration.WeightType, Is.EqualTo(WeightType.BFloat16));
        Assert.That(Models.Deviation(Models.GoldenLogits("llama-sharded-bf16"), logits), Is.LessThan(8 * Bound));
    }

    private static void AssertGolden(string name, TurboMindModel model)
    {
        var logits = Models.CalibrationRows(name).SelectMany(row => Models.AllLogits(model, row)).ToArray();
        var deviation = Models.Deviation(Models.GoldenLogits(name), logits);
        TestContext.Out.WriteLine($"{name}: largest deviation {deviation:E2} of the largest logit");
        Assert.That(deviation, Is.LessThan(Bound));
    }
}
