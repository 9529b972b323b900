using LayerCake.Testing;
using LayerCake.Torch;
using TorchSharp;

namespace LayerCake.Runtime.Tests;

/// <summary>The libtorch path against the CPU kernels: on libtorch's CPU device, and on a GPU where asked for.</summary>
internal sealed class TorchBackendTests
{
    // Both round at the same places; sums have another order, and a value at a tie rounds the other way now and then.
    private const double Bound = 3e-3;

    [Test]
    public void Float16_logits_are_those_of_the_kernels([Values("internlm", "llama-gqa")] string name) =>
        AssertSame(RepositoryFiles.Golden(name, "model"), name, Models.OnCpu, "cpu");

    [Test]
    public void BFloat16_logits_are_those_of_the_kernels() =>
        AssertSame(RepositoryFiles.Golden("llama-sharded-bf16", "model"), "llama-sharded-bf16", Models.OnCpu, "cpu", 8 * Bound);

    [TestCase(1)]
    [TestCase(2)]
    public void Int4_logits_are_those_of_the_kernels(int ranks)
    {
        using var folder = new TemporaryFolder();
        WriteInt4("llama-gqa", folder, ranks);

        AssertSame(folder.At("weights"), "llama-gqa", Models.OnCpu, "cpu");
    }

    [Test]
    public void Int4_weights_are_those_of_the_kernels_bit_for_bit()
    {
        using var folder = new TemporaryFolder();
        WriteInt4("internlm", folder, ranks: 2);
        using var kernels = TurboMindModel.Load(folder.At("weights"), Models.OnCpu);
        using var torch = LoadTorch(folder.At("weights"), Models.OnCpu, "cpu");
        foreach (var linear in Enum.GetValues<Linear>())
        {
            var (inputs, outputs) = kernels.WeightShape(linear);
            var (expected, actual) = (new float[inputs * outputs], new float[inputs * outputs]);
            kernels.ReadWeight(1, linear, 0, expected);
            torch.ReadWeight(1, linear, 0, actual);
            Assert.That(actual, Is.EqualTo(expected), linear.ToString());
        }
    }

    [Test]
    public void An_int8_cache_gives_the_logits_of_the_kernels() =>
        AssertSame(RepositoryFiles.Golden("internlm", "model"), "internlm", Int8("internlm"), "cpu");

    [Test]
    public async Task Sessions_generate_what_the_kernels_generate_and_leave_no_tensor_behind([Values] bool int8)
    {
        var options = int8 ? Int8("internlm") : Models.OnCpu;
        var prompt = Models.CalibrationRows("internlm")[0][..20];
        var greedy = GenerationOptions.Greedy with { RequestOutputLength = 6, IgnoreEos = true };
        using var kernels = TurboMindModel.Load(RepositoryFiles.Golden("internlm", "model"), options);
        using var expectedSession = kernels.CreateSession();
        var expected = await Models.Generate(expectedSession, prompt, greedy);
        using (var model = LoadTorch(RepositoryFiles.Golden("internlm", "model"), options with { CacheBlockSequenceLength = 32 }, "cpu"))
        {
            using var session = model.CreateSession();
            await Models.Generate(session, prompt, greedy);
            var before = torch.Tensor.TotalCount - model.Memory.CacheBlocksAllocated;
            session.Reset();
            var actual = await Models.Generate(session, prompt, greedy);
            var cancelled = Models.Generate(session, prompt, greedy with { RequestOutputLength = 500 }, new CancellationTokenSource(50).Token);
            await Assert.ThatAsync(async () => await cancelled, Throws.InstanceOf<OperationCanceledException>());

            Assert.That(actual, Is.EqualTo(expected));

            // Free blocks are kept for the next session: a tensor each.
            Assert.That(torch.Tensor.TotalCount - model.Memory.CacheBlocksAllocated, Is.EqualTo(before));
        }
    }

    [Test]
    [Category("Gpu")]
    public void A_GPU_gives_the_logits_of_the_kernels()
    {
        using var folder = new TemporaryFolder();
        WriteInt4("llama-gqa", folder, ranks: 2);
        AssertSame(RepositoryFiles.Golden("internlm", "model"), "internlm", Models.OnCpu, "cuda", 2 * Bound);
        AssertSame(RepositoryFiles.Golden("internlm", "model"), "internlm", Int8("internlm"), "cuda", 2 * Bound);
        AssertSame(RepositoryFiles.Golden("llama-sharded-bf16", "model"), "llama-sharded-bf16", Models.OnCpu, "cuda", 8 * Bound);
        AssertSame(folder.At("weights"), "llama-gqa", Models.OnCpu, "cuda", 2 * Bound);
    }

    private static RuntimeOptions Int8(string name) => Models.OnCpu with
    {
        KeyValueCache = KeyValueCacheType.Int8,
        KeyValueScalesFolder = RepositoryFiles.Golden(name, "kv_asym_tp1"),
    };

    private static void WriteInt4(string name, TemporaryFolder folder, int ranks)
    {
        Models.CopyAwq(name, folder.At("awq"));
        Models.Convert(folder.At("awq"), folder.At("weights"), ranks, isAwq: true);
    }

    private static TurboMindModel LoadTorch(string path, RuntimeOptions options, string device)
    {
        var resolved = TorchDevices.Resolve(device);
        return TurboMindModel.Load(path, options, (feed, configuration) =>
            ModelLoading.LoadTorch(feed, configuration, ModelLoading.Scales(feed, configuration, options), resolved, CancellationToken.None));
    }

    private static void AssertSame(string path, string golden, RuntimeOptions options, string device, double bound = Bound)
    {
        using var kernels = TurboMindModel.Load(path, options);
        using var torch = LoadTorch(path, options with { TokensPerIteration = 24 }, device);
        var ids = Models.CalibrationRows(golden)[0];
        var deviation = Models.Deviation(Models.AllLogits(kernels, ids), Models.AllLogits(torch, ids));
        TestContext.Out.WriteLine($"{golden}, {torch.Configuration.WeightType}, {torch.KeyValueCache}: largest deviation {deviation:E2}");
        Assert.That(deviation, Is.LessThan(bound));
    }
}
