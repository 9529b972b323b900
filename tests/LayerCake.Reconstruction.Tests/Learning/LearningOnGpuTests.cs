using System.Diagnostics;
using System.Security.Cryptography;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.Torch;

namespace LayerCake.Reconstruction.Tests.Learning;

/// <summary>The demo model, learned on one GPU: as good as on the processor, and better than gptq also where layers are learned one by one.</summary>
[Category("Gpu")]
public sealed class LearningOnGpuTests
{
    private const int Window = 512;

    /// <summary>What the processor comes to on the evaluation text (docs/quantization.md); another number of samples changes it by 0.1 and more.</summary>
    private const double OnTheProcessor = 29.73;

    private static readonly string Model = Path.Combine(RepositoryFiles.Root, "recipes", "models", "internlm-tiny");

    [Test]
    public void The_demo_model_comes_out_as_good_as_on_the_processor()
    {
        using var folder = new TemporaryFolder();
        var names = new[] { "gptq", "one-by-one", "together", "again" };

        Quantize(folder.At(names[0]), ReconstructionMethod.Gptq, ReconstructionEffort.Balanced, null);
        Quantize(folder.At(names[1]), ReconstructionMethod.Learned, ReconstructionEffort.Best, 1);
        Quantize(folder.At(names[2]), ReconstructionMethod.Learned, ReconstructionEffort.Best, null);
        Quantize(folder.At(names[3]), ReconstructionMethod.Learned, ReconstructionEffort.Best, null);

        var perplexities = Measure([.. names.Select(name => folder.At(name))]);
        TestContext.Out.WriteLine(string.Join(", ", names.Zip(perplexities, (name, perplexity) => $"{name} {perplexity:F3}")));
        TestContext.Out.WriteLine(DigestOf(folder.At(names[2])) == DigestOf(folder.At(names[3])) ? "the same bytes twice" : "other bytes the second time");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(perplexities[1], Is.LessThan(perplexities[0]));
            Assert.That(perplexities[2], Is.EqualTo(OnTheProcessor).Within(0.25));
        }
    }

    private static void Quantize(string output, ReconstructionMethod method, ReconstructionEffort effort, int? layersAtOnce)
    {
        using var model = HuggingFaceFolder.Open(Model);
        var text = CalibrationText.Load(Path.Combine(RepositoryFiles.Root, "recipes", "data", "prose-calibration.txt")).Text;
        var started = Stopwatch.GetTimestamp();
        var request = new ReconstructionRequest
        {
            Model = model,
            Method = method,
            Effort = effort,
            Samples = CalibrationSampler.Draw(TokenizerFolder.Open(Model).EncodeWithSpecialTokens(text), 128, Window, 0),
            OutputFolder = output,
            Device = "cuda",
            LayersLearnedAtOnce = layersAtOnce,
        };
        Reconstructor.Run(request, progress => TestContext.Out.WriteLine(progress.Line));
        TestContext.Out.WriteLine($"{Path.GetFileName(output)}: {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
    }

    private static double[] Measure(string[] folders)
    {
        var models = folders.Select(folder => EvaluatedModel.Open(folder)).ToArray();
        try
        {
            var windows = EvaluationWindows.Load(Path.Combine(RepositoryFiles.Root, "recipes", "data", "prose-eval.txt"), TokenizerFolder.Open(Model), Window, limit: null);
            EvaluationVariant[] variants = [.. folders.Zip(models, (folder, model) => new EvaluationVariant(Path.GetFileName(folder), model))];
            return [.. Evaluator.Run(new EvaluationRequest { Windows = windows, Variants = variants }).Variants.Select(variant => variant.Perplexity)];
        }
        finally
        {
            Array.ForEach(models, model => model.Dispose());
        }
    }

    private static string DigestOf(string folder) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))));
}
