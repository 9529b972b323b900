using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

internal sealed class EvaluatorTests
{
    [TestCase("internlm")]
    [TestCase("llama-gqa")]
    public void Perplexity_is_that_of_the_logits_of_a_GPU(string golden)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(golden, "logits_fp16_first2.safetensors"));
        var logits = MemoryMarshal.Cast<byte, float>(file.ReadAll(file.Tensors.Single().Name)).ToArray();
        var ids = Golden.Ids(golden)[..2];
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden(golden, "model"));
        var vocabulary = model.Configuration.VocabularySize;
        double sum = 0;
        for (var window = 0; window < 2; window++)
        {
            for (var position = 0; position + 1 < ids[window].Length; position++)
            {
                var row = logits.AsSpan(((window * ids[window].Length) + position) * vocabulary, vocabulary).ToArray();
                sum += Math.Log(row.Sum(value => Math.Exp((double)value))) - row[ids[window][position + 1]];
            }
        }

        var report = Evaluator.Run(new EvaluationRequest { Windows = EvaluationWindows.Of(ids), Variants = [new EvaluationVariant("model", model)] });

        // Logits agree within 0.4 % of the largest (see the golden logits test of calibration); their mean error is far less.
        Assert.That(report.Variants[0].Perplexity, Is.EqualTo(Math.Exp(sum / (2 * (ids[0].Length - 1)))).Within(0.1).Percent);
    }

    [Test]
    public void A_model_compared_with_itself_has_lost_nothing()
    {
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));
        using var same = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));

        var report = Evaluator.Run(Request(model, new EvaluationVariant("same", same)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((report.Variants[1].MeanDivergence, report.Variants[1].LargestDivergence, report.Variants[1].TopAgreement), Is.EqualTo((0.0, 0.0, 1.0)));
            Assert.That(report.PerplexityIncrease(report.Variants[1]), Is.Zero);
            Assert.That(report.Layers.SelectMany(layer => new[] { layer.StateError, layer.OutputError ?? double.NaN }), Is.All.Zero);
            Assert.That(report.Layers.SelectMany(layer => layer.WeightErrors.Values), Is.All.Zero);
        }
    }

    [Test]
    public void What_int4_weights_and_an_int8_cache_cost_is_told_apart()
    {
        using var folder = new TemporaryFolder();
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));
        var workspace = Golden.Convert(folder, RepositoryFiles.Golden("internlm", "awq"), "internlm-chat-7b", 2, isAwq: true);
        using var int4 = EvaluatedModel.Open(workspace, RepositoryFiles.Golden("internlm", "kv_asym_tp2"));

        var report = Evaluator.Run(Request(model, new EvaluationVariant("int4", int4), new EvaluationVariant("int4 + int8 KV", int4, QuantizesCache: true)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Variants.Select(variant => (variant.Weights, variant.Cache)), Is.EqualTo(new[] { ("float16", "float16"), ("int4", "float16"), ("int4", "int8") }));
            Assert.That(report.Variants[1].MeanDivergence, Is.Positive);
            Assert.That(report.Variants[2].MeanDivergence, Is.Not.EqualTo(report.Variants[1].MeanDivergence), "the cache does something");
            Assert.That(report.Variants[2].CacheBytesPerToken * 2, Is.EqualTo(report.Variants[1].CacheBytesPerToken));
            Assert.That(report.Variants[1].WeightBytes, Is.LessThan(report.Variants[0].WeightBytes));
            Assert.That(report.Layers.Select(layer => (layer.Layer, layer.Variant, layer.OutputError is null)), Is.EqualTo(new[]
            {
                (0, "int4", false), (0, "int4 + int8 KV", true), (1, "int4", false), (1, "int4 + int8 KV", true),
            }));
            Assert.That(report.Layers.Where(layer => layer.OutputError is not null).SelectMany(layer => layer.WeightErrors.Values), Is.All.InRange(0.02, 0.4));
            Assert.That(report.Heads.Select(head => head.Stored), Is.All.Not.Null);
            Assert.That(report.Heads, Has.All.Matches<HeadErrors>(head => head!.Int8 < head.Int4 && head.Int8 < 0.05));
            Assert.That(report.CacheVariant, Is.EqualTo("int4"));
        }
    }

    [Test]
    public void Figures_do_not_depend_on_the_number_of_threads()
    {
        using var folder = new TemporaryFolder();
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("llama-gqa", "model"));
        using var awq = EvaluatedModel.Open(RepositoryFiles.Golden("llama-gqa", "awq"));

        var one = Evaluator.Run(Request(model, new EvaluationVariant("awq", awq)) with { Threads = 1 });
        var five = Evaluator.Run(Request(model, new EvaluationVariant("awq", awq)) with { Threads = 5 });

        Assert.That(QualityReportJson.Write(five), Is.EqualTo(QualityReportJson.Write(one)));
    }

    [Test]
    public void Logits_that_are_no_numbers_are_refused_with_their_place()
    {
        using var folder = new TemporaryFolder();
        // Finite weights whose products are not.
        var altered = Golden.Alter(folder, RepositoryFiles.DemoModel, (name, values) =>
        {
            if (name == "model.norm.weight")
            {
                values.Fill((Half)60000);
            }
        });
        using var model = EvaluatedModel.Open(altered);
        var ids = new[] { Enumerable.Range(100, 8).ToArray() };

        Assert.That(
            () => Evaluator.Run(new EvaluationRequest { Windows = EvaluationWindows.Of(ids), Variants = [new EvaluationVariant("broken", model)] }),
            Throws.TypeOf<EvaluationException>().With.Message.Match("the logits of broken are infinite or not a number in window 0, position 0"));
    }

    [Test]
    public void Ids_of_another_tokenizer_are_refused()
    {
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));

        Assert.That(
            () => Evaluator.Run(new EvaluationRequest { Windows = EvaluationWindows.Of([[1, 2, 96]]), Variants = [new EvaluationVariant("model", model)] }),
            Throws.TypeOf<EvaluationException>().With.Message.Contains("the text has token id 96, but the model's vocabulary has 96"));
    }

    [Test]
    public void An_int8_cache_without_scales_is_refused()
    {
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));

        Assert.That(() => Evaluator.Run(Request(model, new EvaluationVariant("int8", model, QuantizesCache: true))), Throws.TypeOf<EvaluationException>().With.Message.Contains("kv_qparams"));
    }

    [Test]
    public void A_cancelled_evaluation_stops()
    {
        using var model = EvaluatedModel.Open(RepositoryFiles.Golden("internlm", "model"));

        Assert.That(() => Evaluator.Run(Request(model), cancellation: new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
    }

    private static EvaluationRequest Request(EvaluatedModel baseline, params EvaluationVariant[] variants) => new()
    {
        Windows = EvaluationWindows.Of([.. Golden.Ids(baseline.Path.Contains("llama", StringComparison.Ordinal) ? "llama-gqa" : "internlm").Take(4)]),
        Variants = [new EvaluationVariant("source", baseline), .. variants],
    };
}
