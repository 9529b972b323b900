using System.Security.Cryptography;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Quantization.Tests;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.Torch;

namespace LayerCake.Reconstruction.Tests;

public sealed class ReconstructorTests
{
    private static readonly string[] Golden = ["internlm", "llama-gqa", "llama-sharded-bf16"];

    [Test]
    public void Every_method_gives_a_checkpoint_of_legal_codes_whose_bytes_do_not_depend_on_threads(
        [ValueSource(nameof(Golden))] string name, [Values] ReconstructionMethod method)
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));
        var request = RequestOf(model, folder.At("one"), method);

        var result = Reconstructor.Run(request with { Threads = 1 });
        Reconstructor.Run(request with { Threads = 3, OutputFolder = folder.At("three") });

        using var written = HuggingFaceFolder.Open(folder.At("one"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(DigestOf(folder.At("three")), Is.EqualTo(DigestOf(folder.At("one"))));
            Assert.That(result.Linears, Has.Count.EqualTo(ModelFamily.Of(ModelConfiguration.Read(model)).ObservedLinears(ModelConfiguration.Read(model)).Count));
            Assert.That(result.Linears.Select(linear => linear.RelativeError), Has.All.InRange(0, 0.15));
            Assert.That(written.Weights.Tensors.Where(tensor => tensor.Name.EndsWith(".scales", StringComparison.Ordinal)).SelectMany(scales => Floats(written.Weights, scales.Name)),
                Has.All.Matches<float>(scale => float.IsFinite(scale) && scale >= 0 && scale == (float)(Half)scale));
            Assert.That(() => EvaluatedModel.Open(folder.At("one")).Dispose(), Throws.Nothing);
        }
    }

    [TestCaseSource(nameof(Golden))]
    public void No_layer_gives_more_error_than_rounding_to_nearest(string name)
    {
        LibTorch.EnsureLoaded();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));
        var configuration = ModelConfiguration.Read(model);
        var samples = SamplesOf(configuration, 4, 48);
        var options = new ParallelOptions { MaxDegreeOfParallelism = 2 };
        foreach (var method in new[] { ReconstructionMethod.Awq, ReconstructionMethod.Gptq, ReconstructionMethod.Learned })
        {
            var settings = MethodSettings.Of(method, ReconstructionEffort.Balanced, 128);
            using var states = HiddenStates.Embed(model.Weights, configuration, samples);
            using var floatStates = settings.FollowsFloatModel ? states.Clone() : null;
            using var run = new LayerReconstruction(configuration, states, floatStates, settings, "x", 4, options);
            for (var layer = 0; layer < configuration.LayerCount; layer++)
            {
                using var before = states.Clone();
                using var original = StagedLayer.Load(model.Weights, configuration, layer, CancellationToken.None);
                using var plain = LayerReconstruction.RoundPlainly(original, configuration, layer, 128, options);
                using var target = floatStates is null ? Through(original, before, configuration) : null;
                using var span = new LayerSpan(model.Weights, configuration, layer, 1, options);
                span.Solve(run, settings.Learning is null ? null : _ => { });
                if (settings.Learning is { } learning)
                {
                    span.Learn(run, learning, _ => { });
                }

                using var rounded = Through(plain.Layer, before, configuration);

                Assert.That(Distance(states, floatStates ?? target!), Is.LessThanOrEqualTo(Distance(rounded, floatStates ?? target!)), $"{method}, layer {layer}");
            }
        }
    }

    [Test]
    public void A_run_that_goes_on_writes_the_same_bytes([Values] ReconstructionMethod method)
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "model"));
        var parts = new MemoryParts();
        using var stop = new CancellationTokenSource();
        parts.Committed = name => { if (name == "states.0") { stop.Cancel(); } };
        var request = RequestOf(model, folder.At("out"), method) with { Parts = parts, LayersLearnedAtOnce = 1 };

        Assert.That(() => Reconstructor.Run(request, cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.EnumerateFileSystemEntries(folder.At("out")), Is.Empty, "nothing half-written stays");
        parts.Committed = null;
        var lines = new List<string>();
        var whole = Reconstructor.Run(request, progress => lines.Add(progress.Line));
        var fresh = Reconstructor.Run(request with { Parts = null, OutputFolder = folder.At("fresh") });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines.Where(line => line.Contains("quantized", StringComparison.Ordinal)), Is.EqualTo(new[] { $"model.layers.1 quantized with {Reconstructor.NameOf(method)}." }));
            Assert.That(parts.Said, Is.EqualTo(new[] { (1, 2) }));
            Assert.That(DigestOf(folder.At("out")), Is.EqualTo(DigestOf(folder.At("fresh"))));
            Assert.That(whole.Linears, Is.EqualTo(fresh.Linears));
            Assert.That(whole.Sensitivities, Is.EqualTo(fresh.Sensitivities));
        }
    }

    [Test]
    public void Samples_that_do_not_fit_the_model_are_refused()
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "model"));
        var request = RequestOf(model, folder.At("out"), ReconstructionMethod.Gptq);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => Reconstructor.Check(request with { Samples = [] }), Throws.TypeOf<ReconstructionException>().With.Message.Contains("needs calibration samples"));
            Assert.That(() => Reconstructor.Check(request with { Samples = [[1, 2], [1]] }), Throws.TypeOf<ReconstructionException>().With.Message.Contains("Sample 1 has 1 tokens, sample 0 has 2"));
            Assert.That(() => Reconstructor.Check(request with { Samples = [[1, 1 << 30]] }), Throws.TypeOf<ReconstructionException>().With.Message.Contains("the tokenizer is not this model's"));
            Assert.That(() => Reconstructor.Check(request with { MemoryBudget = 1 << 20 }), Throws.TypeOf<ReconstructionException>().With.Message.Contains("the budget is 1 MB"));
            Assert.That(() => Reconstructor.Check(request with { Method = ReconstructionMethod.Rtn, Samples = [] }), Throws.Nothing);
        }
    }

    [Test]
    public void A_sensitivity_is_shown_for_every_linear_and_falls_with_bits()
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("llama-gqa", "model"));

        var result = Reconstructor.Run(RequestOf(model, folder.At("out"), ReconstructionMethod.Gptq));

        foreach (var linear in result.Sensitivities.GroupBy(sensitivity => sensitivity.Linear))
        {
            var plain = linear.Where(sensitivity => sensitivity.Method == "rtn").OrderBy(sensitivity => sensitivity.Bits).Select(sensitivity => sensitivity.RelativeError);
            Assert.That(plain, Is.Ordered.Descending, linear.Key);
            Assert.That(linear.Where(sensitivity => sensitivity.Method == "awq").Select(sensitivity => sensitivity.Bits), Is.EqualTo(new[] { 4 }), linear.Key);
            Assert.That(linear.Last() is { Bits: 4, Method: "gptq" or "rtn" }, Is.True, "what was used comes last");
        }

        SensitivityFile.Write(folder.Path, result.Sensitivities);
        Assert.That(
            SensitivityFile.Read(folder.At(SensitivityFile.Name)).Select(line => (line.Linear, line.Method, line.Bits)),
            Is.EqualTo(result.Sensitivities.Select(line => (line.Linear, line.Method, line.Bits))));
    }

    private static ReconstructionRequest RequestOf(HuggingFaceFolder model, string output, ReconstructionMethod method) => new()
    {
        Model = model,
        Method = method,
        Samples = method == ReconstructionMethod.Rtn ? [] : SamplesOf(ModelConfiguration.Read(model), 3, 40),
        OutputFolder = output,
    };

    private static int[][] SamplesOf(ModelConfiguration configuration, int samples, int tokens)
    {
        var random = new PythonRandom(3);
        return [.. Enumerable.Range(0, samples).Select(_ => Enumerable.Range(0, tokens).Select(_ => (int)random.RandInt(0, configuration.VocabularySize - 1)).ToArray())];
    }

    private static unsafe HiddenStates Through(StagedLayer layer, HiddenStates before, ModelConfiguration configuration)
    {
        var after = before.Clone();
        using var buffers = new SampleBuffers(configuration, before.Tokens);
        var rotary = LayerCake.Torch.Layers.RotaryAngles.Table(configuration, before.Tokens);
        for (var sample = 0; sample < before.Samples; sample++)
        {
            before.Read(sample, buffers.Hidden, buffers.HiddenStride);
            layer.Run(buffers, rotary);
            after.Write(sample, buffers.Hidden, buffers.HiddenStride);
        }

        return after;
    }

    private static unsafe double Distance(HiddenStates a, HiddenStates b)
    {
        var sum = 0.0;
        for (long i = 0; i < a.ByteCount / 2; i++)
        {
            sum += Math.Pow((double)a.Sample(0)[i] - (double)b.Sample(0)[i], 2);
        }

        return sum;
    }

    private static float[] Floats(ITensorSource source, string name)
    {
        var values = new float[source.Find(name).ElementCount];
        source.Read(name, 0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static string DigestOf(string folder) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))));
}
