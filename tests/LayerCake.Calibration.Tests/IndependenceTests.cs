using TorchSharp;
using LayerCake.Quantization;
using LayerCake.Torch;

namespace LayerCake.Calibration.Tests;

/// <summary>What a result may not depend on, and what the two ways of computing have to agree in.</summary>
internal sealed class IndependenceTests
{
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void The_number_of_threads_changes_no_bit(string name)
    {
        using var model = new GoldenModel(name);
        var one = StatisticsComparison.Bits(Calibrator.Run(model.Request with { Threads = 1 }));

        var three = StatisticsComparison.Bits(Calibrator.Run(model.Request with { Threads = 3 }));

        Assert.That(three, Is.EqualTo(one));
    }

    [Test]
    public void A_memory_budget_changes_no_bit()
    {
        using var model = new GoldenModel("internlm");
        var request = model.Request with { Threads = 4 };
        var free = StatisticsComparison.Bits(Calibrator.Run(request));
        var budget = CalibrationMemory.PeakOnCpu(model.Configuration, model.Samples.Length, model.Samples[0].Length, 1);

        var bounded = StatisticsComparison.Bits(Calibrator.Run(request with { MemoryBudget = budget }));

        Assert.That(bounded, Is.EqualTo(free));
    }

    [Test]
    public void A_sample_gives_the_same_alone_as_among_others()
    {
        using var model = new GoldenModel("llama-gqa");
        var alone = model.Samples.Select(sample => Calibrator.Run(model.Request with { Samples = [sample] }).Keys["model.layers.0"]).ToArray();

        var together = Calibrator.Run(model.Request).Keys["model.layers.0"];

        for (var channel = 0; channel < together.Max.Length; channel++)
        {
            Assert.That(together.Max[channel], Is.EqualTo(alone.Max(statistics => statistics.Max[channel])));
            Assert.That(together.Min[channel], Is.EqualTo(alone.Min(statistics => statistics.Min[channel])));
        }
    }

    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void The_kernels_agree_with_plain_libtorch_operations(string name)
    {
        using var model = new GoldenModel(name);
        LibTorch.EnsureLoaded();
        var expected = CalibrationStatistics.For(model.Configuration);
        new CudaCalibration(model.Request, expected, null).Run(torch.CPU, CancellationToken.None);

        var deviations = StatisticsComparison.Deviations(Calibrator.Run(model.Request), expected);

        // Two units in the last place of float16, from other orders of the sums.
        Assert.That(deviations.Values, Is.All.LessThan(2.0 / 1024));
    }

    [Test]
    public void Every_tensor_is_given_back()
    {
        using var model = new GoldenModel("internlm");
        Calibrator.Run(model.Request);
        var before = torch.Tensor.TotalCount;

        Calibrator.Run(model.Request);

        Assert.That(torch.Tensor.TotalCount, Is.EqualTo(before));
    }

    [Test]
    public void The_plain_way_gives_every_tensor_back_too()
    {
        using var model = new GoldenModel("internlm");
        LibTorch.EnsureLoaded();
        var before = torch.Tensor.TotalCount;

        new CudaCalibration(model.Request, CalibrationStatistics.For(model.Configuration), null).Run(torch.CPU, CancellationToken.None);

        Assert.That(torch.Tensor.TotalCount, Is.EqualTo(before));
    }

    [Test]
    public void A_cancelled_run_ends_and_gives_every_tensor_back()
    {
        using var model = new GoldenModel("internlm");
        using var cancellation = new CancellationTokenSource();
        Calibrator.Run(model.Request);
        var before = torch.Tensor.TotalCount;

        Assert.That(
            () => Calibrator.Run(model.Request, new Progress(_ => cancellation.Cancel()), cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());

        Assert.That(torch.Tensor.TotalCount, Is.EqualTo(before));
    }

    [Test]
    public void Progress_counts_every_sample_of_every_layer()
    {
        using var model = new GoldenModel("internlm");
        var reports = new List<(int Layer, int Done)>();

        Calibrator.Run(model.Request, new Progress(report => reports.Add((report.Layer, report.SamplesDone))));

        var expected = Enumerable.Range(0, 2).SelectMany(layer => Enumerable.Range(1, 6).Select(done => (layer, done)));
        Assert.That(reports, Is.EquivalentTo(expected));
    }
}
