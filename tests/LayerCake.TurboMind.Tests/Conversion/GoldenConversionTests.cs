using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>Whole conversions against what LMDeploy v0.1.0 itself wrote.</summary>
[TestFixture]
public sealed class GoldenConversionTests
{
    [TestCase("internlm", "fp16", 1, "internlm-chat-7b")]
    [TestCase("internlm", "fp16", 2, "internlm-chat-7b")]
    [TestCase("internlm", "w4", 1, "internlm-chat-7b")]
    [TestCase("internlm", "w4", 2, "internlm-chat-7b")]
    [TestCase("llama-gqa", "fp16", 1, "llama2")]
    [TestCase("llama-gqa", "fp16", 2, "llama2")]
    [TestCase("llama-gqa", "w4", 1, "llama2")]
    [TestCase("llama-gqa", "w4", 2, "llama2")]
    [TestCase("llama-sharded-bf16", "fp16", 1, "llama2")]
    [TestCase("llama-sharded-bf16", "w4", 1, "llama2")]
    public void Weights_configuration_and_lines_are_those_of_the_original(string checkpoint, string output, int ranks, string modelName)
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden(checkpoint, output == "w4" ? "awq" : "model"));
        var plan = ConversionPlan.Create(ConversionSource.From(model), new ConversionOptions
        {
            ModelName = modelName,
            ModelFormat = output == "w4" ? "awq" : null,
            GroupSize = output == "w4" ? 128 : 0,
            TensorParallel = ranks,
            // The golden bfloat16 model was exported as float16.
            WeightType = output == "w4" ? null : WeightType.Float16,
            SpecialTokens = new SpecialTokenIds(1, 2),
        });
        var lines = new List<string>();

        plan.WriteWeights(folder.At("weights"), lines.Add);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Folders.DigestLines(folder.At("weights")), Is.EqualTo(GoldenLines(checkpoint, $"weights_{output}_tp{ranks}.sha256")));
            Assert.That(lines, Is.EqualTo(GoldenLines(checkpoint, $"weights_{output}_tp{ranks}.log")));
            Assert.That(
                File.ReadAllBytes(folder.At("weights", "config.ini")),
                Is.EqualTo(File.ReadAllBytes(RepositoryFiles.Golden(checkpoint, $"weights_{output}_tp{ranks}", "config.ini"))));
        }
    }

    private static string[] GoldenLines(string checkpoint, string file) => File.ReadAllLines(RepositoryFiles.Golden(checkpoint, file));
}
