using System.Runtime.InteropServices;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using TorchSharp;

namespace LayerCake.Calibration.Tests;

/// <summary>Many samples through a layer at once, and what happens where a device has no memory for them.</summary>
internal sealed class BatchTests
{
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void One_sample_at_a_time_agrees_with_all_at_once(string name)
    {
        using var model = new GoldenModel(name);

        var one = Run(model, new PlainOperations(native: false), 1);
        var all = Run(model, new PlainOperations(native: false), model.Samples.Length);

        Assert.That(StatisticsComparison.Deviations(one, all).Values, Is.All.LessThan(1.0 / 1024));
    }

    [Test]
    public void Where_memory_runs_out_fewer_samples_are_taken_at_once_and_nothing_is_lost()
    {
        using var model = new GoldenModel("internlm");
        var expected = Run(model, new PlainOperations(native: false), 1);
        var device = new SmallDevice(2);

        var statistics = Run(model, device, model.Samples.Length);

        Assert.That(device.Refused, Is.EqualTo(2), "six samples, then three; from then on one at a time");
        Assert.That(StatisticsComparison.Deviations(statistics, expected).Values, Is.All.LessThan(1.0 / 1024));
    }

    [Test]
    public void Where_not_even_one_sample_fits_it_is_said_what_to_do()
    {
        using var model = new GoldenModel("internlm");
        var before = torch.Tensor.TotalCount;

        Assert.That(
            () => Run(model, new SmallDevice(0), model.Samples.Length),
            Throws.TypeOf<CalibrationException>().With.Message.StartsWith("The GPU's memory is too small: calibrating 6 samples of").And.Message.Contains("or the device cpu"));
        Assert.That(torch.Tensor.TotalCount, Is.EqualTo(before));
    }

    [TestCase(4096, 11008, 32, 32, 2048, 8)]
    [TestCase(8192, 28672, 64, 8, 2048, 8)]
    [TestCase(12288, 49152, 96, 8, 2048, 4)]
    [TestCase(4096, 11008, 32, 32, 16, 128)]
    [TestCase(4096, 11008, 32, 32, 65536, 1)]
    public void How_many_samples_are_taken_at_once_follows_from_the_sizes(int hidden, int intermediate, int heads, int keyValueHeads, int tokens, int expected)
    {
        using var model = new GoldenModel("internlm");
        var configuration = model.Configuration with
        {
            HiddenSize = hidden, IntermediateSize = intermediate, HeadCount = heads, KeyValueHeadCount = keyValueHeads,
        };

        Assert.That(DeviceBatches.SamplesAtOnce(configuration, 128, tokens), Is.EqualTo(expected));
    }

    private static CalibrationStatistics Run(GoldenModel model, ILayerOperations operations, int samplesAtOnce)
    {
        LibTorch.EnsureLoaded();
        var statistics = CalibrationStatistics.For(model.Configuration);
        new CudaCalibration(model.Request, statistics, null) { Plain = operations, SamplesAtOnce = samplesAtOnce }.Run(torch.CPU, CancellationToken.None);
        return statistics;
    }

    /// <summary>Has memory for some samples only, and says so in the MLP as libtorch does, when attention is over.</summary>
    private sealed class SmallDevice(int most) : ILayerOperations
    {
        private readonly PlainOperations _operations = new(native: false);

        public int Refused { get; private set; }

        public torch.Tensor Enter(torch.Tensor hidden) => _operations.Enter(hidden);

        public torch.Tensor Linear(torch.Tensor x, torch.Tensor weight, torch.Tensor? bias) => _operations.Linear(x, weight, bias);

        public torch.Tensor Norm(torch.Tensor x, torch.Tensor weight, double epsilon) => _operations.Norm(x, weight, epsilon);

        public torch.Tensor Rotate(torch.Tensor x, torch.Tensor cosines, torch.Tensor sines, int heads) => _operations.Rotate(x, cosines, sines, heads);

        public torch.Tensor Attend(torch.Tensor query, torch.Tensor key, torch.Tensor value, ModelConfiguration configuration) =>
            _operations.Attend(query, key, value, configuration);

        public torch.Tensor GateUp(torch.Tensor gate, torch.Tensor up)
        {
            if (gate.shape[0] > most)
            {
                Refused++;
                throw new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.00 GiB is free.");
            }

            return _operations.GateUp(gate, up);
        }

        public torch.Tensor Add(torch.Tensor x, torch.Tensor y) => _operations.Add(x, y);
    }
}
