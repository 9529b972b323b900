using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Steps;
using LayerCake.Testing;
using LayerCake.Text;

namespace LayerCake.Evaluation.Tests;

/// <summary>The figures on the card of internlm-tiny, measured there on a GPU: float16 29.78, LMDeploy's auto_awq 34.58, with an int8 KV cache 34.59.</summary>
internal sealed class ModelCardTests
{
    [Test]
    [Category("Slow")]
    public void Perplexities_are_those_of_the_model_card()
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.DemoModel);
        var (statistics, awq, scales) = (folder.At("statistics"), folder.At("awq"), folder.At("scales"));
        Directory.CreateDirectory(statistics);
        Directory.CreateDirectory(awq);
        Directory.CreateDirectory(scales);
        // The card says how many windows and how they are drawn; these are its figures where the text is taken as it stands, without BOS.
        var text = CalibrationText.LoadVerbatim(RepositoryFiles.Recipes("data", "prose-calibration.txt")).Text;
        StatisticsFiles.Write(statistics, Calibrator.Run(new CalibrationRequest
        {
            Configuration = ModelConfiguration.Read(model),
            Weights = model.Weights,
            Samples = CalibrationSampler.Draw(TokenizerFolder.Open(RepositoryFiles.DemoModel).Tokenizer.Encode(text), 128, 512, 0),
            Device = "cpu",
        }));
        KvQparamsOperation.Run(statistics, scales, new KeyValueOptions(), _ => { });
        AutoAwqOperation.Run(
            model, statistics, awq, new AwqOptions(), WeightFormat.Safetensors, scanWeights: false, parts: null, SilentReporter.Instance, CancellationToken.None);
        var workspace = Golden.Convert(folder, awq, "internlm-chat-7b", 1, isAwq: true);
        using var source = EvaluatedModel.Open(RepositoryFiles.DemoModel);
        using var folderOfAwq = EvaluatedModel.Open(awq);
        using var int4 = EvaluatedModel.Open(workspace, scales);

        var report = EvaluateOperation.Run(
            [new EvaluationVariant("float16", source), new EvaluationVariant("AWQ folder", folderOfAwq), .. EvaluateOperation.VariantsOf(int4, "int4")],
            RepositoryFiles.Recipes("data", "prose-eval.txt"), 512, null, 0, SilentReporter.Instance, CancellationToken.None);

        TestContext.Out.WriteLine(string.Join('\n', QualityTable.Lines(report)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Variants[0].Perplexity, Is.EqualTo(29.78).Within(0.5).Percent);
            Assert.That(report.Variants[2].Perplexity, Is.EqualTo(34.58).Within(0.5).Percent);
            Assert.That(report.Variants[3].Perplexity, Is.EqualTo(34.59).Within(0.5).Percent);
            Assert.That(report.Variants[3].Perplexity / report.Variants[2].Perplexity, Is.EqualTo(34.59 / 34.58).Within(0.1).Percent, "what the int8 cache costs");
            Assert.That(report.Variants[1].Perplexity, Is.EqualTo(report.Variants[2].Perplexity), "the workspace computes what its AWQ folder computes, bit for bit");
        }
    }
}
