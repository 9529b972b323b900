using LayerCake.Runtime;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

/// <summary>Evaluation has a forward pass of its own, which takes many models through a layer at a time; the Runtime's must give the same figures.</summary>
internal sealed class RuntimeTests
{
    // Both round activations to float16 at the engine's places and differ in the order of sums only: a position's log probability moves by thousandths,
    // either way, and their mean by far less.
    private const double Percent = 0.05;

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public void Perplexity_is_that_of_the_Runtimes_logits(bool isInt4, bool quantizesCache)
    {
        using var folder = new TemporaryFolder();
        var workspace = Golden.Convert(folder, RepositoryFiles.Golden("internlm", isInt4 ? "awq" : "model"), "internlm-chat-7b", 1, isInt4);
        var scales = quantizesCache ? RepositoryFiles.Golden("internlm", "kv_asym_tp1") : null;
        var ids = Golden.Ids("internlm")[..3];

        using var evaluated = EvaluatedModel.Open(workspace, scales);
        var report = Evaluator.Run(new EvaluationRequest
        {
            Windows = EvaluationWindows.Of(ids), Variants = [new EvaluationVariant("workspace", evaluated, quantizesCache)],
        });
        using var model = TurboMindModel.Load(workspace, new RuntimeOptions
        {
            Device = RuntimeDevice.Cpu, Threads = 2, KeyValueCache = quantizesCache ? KeyValueCacheType.Int8 : KeyValueCacheType.Float, KeyValueScalesFolder = scales,
        });
        var expected = Math.Exp(ids.Average(window => NegativeLogLikelihood(model, window)));

        TestContext.Out.WriteLine($"{report.Variants[0].Perplexity} and {expected}: {100 * ((report.Variants[0].Perplexity / expected) - 1):F5} %");
        Assert.That(report.Variants[0].Perplexity, Is.EqualTo(expected).Within(Percent).Percent);
    }

    /// <summary>−log p of the next token, on average over a window.</summary>
    private static double NegativeLogLikelihood(TurboMindModel model, int[] ids)
    {
        var (sum, vocabulary) = (0.0, model.Configuration.VocabularySize);
        model.Logits(ids, (first, logits) =>
        {
            for (var row = 0; row < logits.Length / vocabulary && first + row + 1 < ids.Length; row++)
            {
                var values = logits.Slice(row * vocabulary, vocabulary).ToArray();
                var largest = (double)values.Max();
                sum += largest + Math.Log(values.Sum(value => Math.Exp(value - largest))) - values[ids[first + row + 1]];
            }
        });
        return sum / (ids.Length - 1);
    }
}
