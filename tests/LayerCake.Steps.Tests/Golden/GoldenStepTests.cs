using LayerCake.Checkpoints;
using LayerCake.Quantization;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Golden;

/// <summary>The steps one after another, each on what the one before it wrote, against what LMDeploy v0.1.0 wrote.</summary>
[TestFixture]
internal sealed class GoldenStepTests
{
    [TestCase("internlm", "internlm-chat-7b", 1)]
    [TestCase("internlm", "internlm-chat-7b", 2)]
    [TestCase("llama-gqa", "llama2", 1)]
    [TestCase("llama-gqa", "llama2", 2)]
    [TestCase("llama-sharded-bf16", "llama2", 1)]
    public void Statistics_become_the_original_s_int4_workspace_with_an_int8_cache(string golden, string modelName, int ranks)
    {
        using var folder = new TemporaryFolder(onDisk: true);
        var reporter = new RecordingReporter();
        using var model = OpenModel(golden, folder);
        var (awq, scales, workspace) = (folder.At("awq"), Directory.CreateDirectory(folder.At("kv")).FullName, folder.At("workspace"));

        AutoAwqOperation.Run(
            model, WorkDir(golden), awq, new AwqOptions(), WeightFormat.Safetensors, scanWeights: true, parts: null, reporter, CancellationToken.None);
        new ConvertOperation { ModelName = modelName, ModelPath = awq, ModelFormat = "awq", GroupSize = 128, TensorParallel = ranks }
            .Publish(workspace, reporter, CancellationToken.None);
        KvQparamsOperation.Run(WorkDir(golden), scales, new KeyValueOptions { TensorParallel = ranks }, reporter.Line);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(DigestLines(WorkspacePaths.Weights(workspace)), Is.EqualTo(GoldenLines(golden, $"weights_w4_tp{ranks}.sha256")));
            Assert.That(Folders.Digests(scales), Is.EqualTo(Folders.Digests(RepositoryFiles.Golden(golden, $"kv_asym_tp{ranks}"))));
            Assert.That(reporter.Lines.Where(line => line.StartsWith("Layer ", StringComparison.Ordinal)), Is.EqualTo(GoldenLines(golden, $"kv_asym_tp{ranks}.log")));
            Assert.That(reporter.Lines, Is.SupersetOf(GoldenLines(golden, $"weights_w4_tp{ranks}.log")));
        }

        KeyValueScaleFiles.Merge(scales, WorkspacePaths.Weights(workspace), quantPolicy: 4);
        var listing = WorkspaceListing.Read(workspace);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(listing.Faults, Is.Empty);
            Assert.That(listing.Configuration.QuantPolicy, Is.EqualTo(4));
        }
    }

    [TestCase("internlm", "internlm-chat-7b", 1)]
    [TestCase("internlm", "internlm-chat-7b", 2)]
    [TestCase("llama-gqa", "llama2", 1)]
    [TestCase("llama-gqa", "llama2", 2)]
    [TestCase("llama-sharded-bf16", "llama2", 1)]
    public void A_float_checkpoint_becomes_the_original_s_float16_workspace(string golden, string modelName, int ranks)
    {
        using var folder = new TemporaryFolder(onDisk: true);
        var reporter = new RecordingReporter();
        OpenModel(golden, folder).Dispose();
        var operation = new ConvertOperation
        {
            ModelName = modelName,
            ModelPath = folder.At("model"),
            TensorParallel = ranks,
            // The golden bfloat16 model was exported as float16.
            WeightType = WeightType.Float16,
        };

        operation.Publish(folder.At("workspace"), reporter, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(DigestLines(WorkspacePaths.Weights(folder.At("workspace"))), Is.EqualTo(GoldenLines(golden, $"weights_fp16_tp{ranks}.sha256")));
            Assert.That(reporter.Lines, Is.SupersetOf(GoldenLines(golden, $"weights_fp16_tp{ranks}.log")));
            Assert.That(WorkspaceListing.Read(folder.At("workspace")).Faults, Is.Empty);
        }
    }

    [Test]
    public void The_original_s_own_quantized_checkpoint_converts_to_the_same_workspace_as_ours([Values("internlm", "llama-gqa")] string golden)
    {
        using var folder = new TemporaryFolder(onDisk: true);
        using var model = OpenModel(golden, folder);
        var tokenizer = Path.Combine(model.Path, "tokenizer.model");
        AutoAwqOperation.Run(
            model, WorkDir(golden), folder.At("ours"), new AwqOptions(), WeightFormat.Torch, scanWeights: true, parts: null, new RecordingReporter(), CancellationToken.None);

        foreach (var (source, name) in new[] { (RepositoryFiles.Golden(golden, "awq"), "theirs-out"), (folder.At("ours"), "ours-out") })
        {
            new ConvertOperation { ModelName = "llama2", ModelPath = source, ModelFormat = "awq", GroupSize = 128, TokenizerPath = tokenizer }
                .Publish(folder.At(name), new RecordingReporter(), CancellationToken.None);
        }

        Assert.That(
            Folders.Digests(WorkspacePaths.Weights(folder.At("ours-out"))), Is.EqualTo(Folders.Digests(WorkspacePaths.Weights(folder.At("theirs-out")))));
    }

    /// <summary>The golden checkpoint with a tokenizer beside it, whose begin and end ids are the 1 and 2 that the original was given.</summary>
    private static HuggingFaceFolder OpenModel(string golden, TemporaryFolder folder)
    {
        Folders.Copy(RepositoryFiles.Golden(golden, "model"), folder.At("model"));
        DemoProject.Copy(Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model"), folder.At("model", "tokenizer.model"));
        return HuggingFaceFolder.Open(folder.At("model"));
    }

    private static string WorkDir(string golden) => RepositoryFiles.Golden(golden, "work_dir");

    private static string[] GoldenLines(string golden, string file) => File.ReadAllLines(RepositoryFiles.Golden(golden, file));

    /// <summary>"digest  size  name" of each file, sorted by name: the form of the golden lists.</summary>
    private static IEnumerable<string> DigestLines(string folder) =>
        from path in Directory.EnumerateFiles(folder).OrderBy(Path.GetFileName, StringComparer.Ordinal)
        select $"{Folders.DigestOf(path)}  {new FileInfo(path).Length}  {Path.GetFileName(path)}";
}
