using System.Text.Json;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Testing;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using TorchSharp;

namespace LayerCake.Calibration.Tests.Gpu;

/// <summary>Calibration on a GPU against the original's statistics, which were made on one. docs/gpu.md says how these tests are run.</summary>
[Category("Gpu")]
internal sealed class GpuStatisticsTests
{
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void Statistics_agree_within_twice_what_the_original_deviates_itself(string name)
    {
        using var model = new GoldenModel(name);

        RequireAgreement(name, Calibrator.Run(model.Request with { Device = "cuda" }));
    }

    /// <remarks>On the GPU that the original's statistics were made on (an H100), every bit is the original's; another GPU has other kernels for products.</remarks>
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void One_sample_at_a_time_in_plain_operations_they_agree_too(string name)
    {
        using var model = new GoldenModel(name);
        var statistics = CalibrationStatistics.For(model.Configuration);

        new CudaCalibration(model.Request, statistics, null) { Plain = new PlainOperations(native: true), SamplesAtOnce = 1 }.Run(TorchDevices.Resolve("cuda"), CancellationToken.None);

        RequireAgreement(name, statistics);
    }

    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void A_run_gives_the_same_bits_as_the_one_before(string name)
    {
        using var model = new GoldenModel(name);
        var request = model.Request with { Device = "cuda" };
        var first = StatisticsComparison.Bits(Calibrator.Run(request));

        var second = StatisticsComparison.Bits(Calibrator.Run(request));

        Assert.That(second, Is.EqualTo(first));
    }

    [TestCase("model.layers.1.mlp.up_proj.weight", "the output of model.layers.1.mlp.up_proj")]
    [TestCase("model.layers.0.self_attn.k_proj.weight", "the output of model.layers.0.self_attn.k_proj")]
    public void An_overflow_of_float16_names_where_it_appears(string tensor, string place)
    {
        using var model = new GoldenModel("internlm");
        using var weights = new AlteredSource(model.Weights, tensor, (at, old) => at % 2 == 1 ? (byte)0x77 : old);

        Assert.That(
            () => Calibrator.Run(model.Request with { Weights = weights, Device = "cuda" }),
            Throws.TypeOf<CalibrationException>().With.Message.StartsWith($"In sample 0, {place} is infinite"));
    }

    [Test]
    public void Every_tensor_is_given_back()
    {
        using var model = new GoldenModel("internlm");
        Calibrator.Run(model.Request with { Device = "cuda" });
        var before = torch.Tensor.TotalCount;

        Calibrator.Run(model.Request with { Device = "cuda" });

        Assert.That(torch.Tensor.TotalCount, Is.EqualTo(before));
    }

    /// <summary>
    /// No statistic deviates more than twice the largest deviation between the original's own CPU and GPU runs: fused attention does not round its scores, and products of many
    /// samples are summed in another order. Of single statistics the original's deviation says little, since in small models some do not deviate at all.
    /// </summary>
    private static void RequireAgreement(string name, CalibrationStatistics statistics)
    {
        var golden = StatisticsFiles.Read(RepositoryFiles.Golden(name, "work_dir"));
        var tolerances = JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(RepositoryFiles.Golden(name, "cpu_vs_cuda_deviation.json")))!;
        var largest = tolerances.Values.Max();

        var deviations = StatisticsComparison.Deviations(statistics, golden);

        var (a, b) = (StatisticsComparison.Bits(statistics), StatisticsComparison.Bits(golden));
        TestContext.Out.WriteLine(FormattableString.Invariant(
            $"{name}: {a.Zip(b).Count(pair => pair.First == pair.Second)} of {b.Length} values equal bit for bit; largest deviation {deviations.Values.Max():g3} (the original's CPU run: {largest:g3})"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(deviations.Keys, Is.EquivalentTo(tolerances.Keys));
            foreach (var (statistic, deviation) in deviations)
            {
                Assert.That(deviation, Is.LessThanOrEqualTo(2 * largest), statistic);
            }
        }
    }
}
