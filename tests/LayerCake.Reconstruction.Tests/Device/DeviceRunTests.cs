using System.Security.Cryptography;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Quantization.Tests;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.Torch;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction.Tests.Device;

/// <summary>The way of a GPU, in libtorch's own operations on the processor, against the processor's own code.</summary>
public sealed class DeviceRunTests
{
    // Codes that are as good as each other fall differently when sums are taken in another order.
    private const double Tolerance = 0.03;

    // Thousands of small operations, which many threads only slow down.
    [OneTimeSetUp]
    public void ComputeOnOneThread()
    {
        LibTorch.EnsureLoaded();
        set_num_threads(1);
    }

    [TestCase("llama-gqa", ReconstructionMethod.Awq)]
    [TestCase("internlm", ReconstructionMethod.Gptq)]
    [TestCase("llama-gqa", ReconstructionMethod.Learned)]
    public void A_device_gives_linears_of_the_same_error_as_the_processor(string name, ReconstructionMethod method)
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));

        var device = Reconstructor.Run(RequestOf(model, folder.At("device"), method));
        var processor = Reconstructor.Run(RequestOf(model, folder.At("processor"), method) with { InLibtorch = false });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(device.Sensitivities.Select(line => (line.Linear, line.Method, line.Bits)), Is.EqualTo(processor.Sensitivities.Select(line => (line.Linear, line.Method, line.Bits))));
            foreach (var (found, wanted) in device.Sensitivities.Zip(processor.Sensitivities))
            {
                Assert.That(found.RelativeError, Is.EqualTo(wanted.RelativeError).Within(wanted.RelativeError * Tolerance), $"{found.Linear}, {found.Method} in {found.Bits} bits");
            }

            foreach (var (found, wanted) in device.Linears.Zip(processor.Linears))
            {
                Assert.That(found.Name, Is.EqualTo(wanted.Name));
                Assert.That(found.RelativeError, Is.EqualTo(wanted.RelativeError).Within(wanted.RelativeError * Tolerance), found.Name);
            }

            Assert.That(() => EvaluatedModel.Open(folder.At("device")).Dispose(), Throws.Nothing);
        }
    }

    [Test]
    public void A_run_on_a_device_that_goes_on_writes_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "model"));
        var parts = new MemoryParts();
        using var stop = new CancellationTokenSource();
        parts.Committed = name => { if (name == "states.0") { stop.Cancel(); } };
        var request = RequestOf(model, folder.At("out"), ReconstructionMethod.Awq) with { Parts = parts, Effort = ReconstructionEffort.Fast };

        Assert.That(() => Reconstructor.Run(request, cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
        parts.Committed = null;
        var lines = new List<string>();
        Reconstructor.Run(request, progress => lines.Add(progress.Line));
        Reconstructor.Run(request with { Parts = null, OutputFolder = folder.At("fresh") });

        Assert.That(lines, Is.EqualTo(new[] { "model.layers.1 quantized with awq." }));
        Assert.That(DigestOf(folder.At("out")), Is.EqualTo(DigestOf(folder.At("fresh"))));
    }

    private static ReconstructionRequest RequestOf(HuggingFaceFolder model, string output, ReconstructionMethod method) => new()
    {
        Model = model,
        Method = method,
        Samples = SamplesOf(ModelConfiguration.Read(model), 6, 40),
        OutputFolder = output,
        InLibtorch = true,
    };

    private static int[][] SamplesOf(ModelConfiguration configuration, int samples, int tokens)
    {
        var random = new PythonRandom(3);
        return [.. Enumerable.Range(0, samples).Select(_ => Enumerable.Range(0, tokens).Select(_ => (int)random.RandInt(0, configuration.VocabularySize - 1)).ToArray())];
    }

    private static string DigestOf(string folder) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))));
}
