using System.Diagnostics;
using LayerCake.Torch;
using LayerCake.Torch.Cuda;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration.Tests.Gpu;

/// <summary>The kernels against libtorch's own operations on the same GPU, for widths that are multiples of eight and others; then how fast they are.</summary>
[Category("Gpu")]
internal sealed class LayerKernelsTests : IDisposable
{
    private readonly Device _device = TorchDevices.Resolve("cuda");
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly LayerKernels _kernels;
    private readonly PlainOperations _plain = new(native: true);
    private readonly KernelOperations _fast;

    public LayerKernelsTests()
    {
        _ = zeros(1, device: _device);
        _kernels = LayerKernels.Load();
        _fast = new KernelOperations(_kernels);
    }

    public void Dispose()
    {
        _kernels.Dispose();
        _scope.Dispose();
    }

    [Test]
    public void Extremes_are_equal_and_means_agree_in_float16([Values(8, 37, 256, 1408)] int channels, [Values(1, 31, 300)] int tokens, [Values(1, 5)] int samples)
    {
        var values = Random(samples, tokens, channels);
        var planes = zeros([4, samples + 3, channels + 11], ScalarType.Float16, _device);
        var notFinite = full([1], int.MaxValue, ScalarType.Int32, _device);

        _kernels.ReduceChannels(values, planes, 2, 7, notFinite);

        var part = planes.narrow(1, 2, samples).narrow(2, 7, channels);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Same(part[0], values.amax([1L])), "max");
            Assert.That(Same(part[1], values.amin([1L])), "min");
            Assert.That(Distance(part[2], values.to(ScalarType.Float64).mean([1L])), Is.LessThan(1e-3));
            Assert.That(Distance(part[3], values.to(ScalarType.Float64).abs().mean([1L])), Is.LessThan(1e-3));
            Assert.That(notFinite.cpu().item<int>(), Is.EqualTo(int.MaxValue));
            Assert.That(planes.abs().sum().item<Half>(), Is.EqualTo(part.abs().sum().item<Half>()), "nothing beside its place is written");
        }
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void The_first_sample_that_is_not_finite_is_told(float value)
    {
        var values = Random(6, 40, 64);
        values[4, 39, 63] = tensor(value, ScalarType.Float16, _device);
        values[3, 0, 5] = tensor(value, ScalarType.Float16, _device);
        var notFinite = full([1], int.MaxValue, ScalarType.Int32, _device);

        _kernels.ReduceChannels(values, zeros([4, 10, 64], ScalarType.Float16, _device), 2, 0, notFinite);

        Assert.That(notFinite.cpu().item<int>(), Is.EqualTo(5));
    }

    [Test]
    public void Samples_are_merged_as_the_host_merges_them()
    {
        var planes = Random(4, 100, 300);
        planes[1].neg_();
        var merged = zeros([5, 300], ScalarType.Float16, _device);

        _kernels.MergeSamples(planes, merged);

        var samples = new SampleStatistics[100];
        for (var sample = 0; sample < samples.Length; sample++)
        {
            samples[sample] = new SampleStatistics(300);
            Values(planes[0, sample]).CopyTo(samples[sample].Max, 0);
            Values(planes[1, sample]).CopyTo(samples[sample].Min, 0);
            Values(planes[2, sample]).CopyTo(samples[sample].Mean, 0);
            Values(planes[3, sample]).CopyTo(samples[sample].AbsMean, 0);
        }

        var expected = SampleMerging.Merge(samples);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Values(merged[0]), Is.EqualTo(expected.Max));
            Assert.That(Values(merged[1]), Is.EqualTo(expected.Min));
            Assert.That(Values(merged[2]), Is.EqualTo(expected.Mean));
            Assert.That(Values(merged[4]), Is.EqualTo(expected.AbsMean));
        }
    }

    [Test]
    public void Norms_agree([Values(37, 256, 4096)] int channels)
    {
        var (x, weight) = (Random(3, 50, channels), Random(channels));

        Assert.That(Distance(_fast.Norm(x, weight, 1e-6), _plain.Norm(x, weight, 1e-6)), Is.LessThan(1.5e-3));
    }

    [Test]
    public void Rotations_are_equal([Values(10, 64, 128)] int dimension)
    {
        var x = Random(2, 60, 3 * dimension);
        var half = Random(60, dimension / 2);
        var (cosines, sines) = (cat([half.cos(), half.cos()], 1), cat([half.sin(), half.sin()], 1));
        var expected = _plain.Rotate(x.clone(), cosines, sines, 3);

        Assert.That(Same(_fast.Rotate(x, cosines, sines, 3), expected));
    }

    [Test]
    public void Gates_are_equal([Values(7, 64)] int channels)
    {
        var (gate, up) = (Random(2, 33, channels) * 8, Random(2, 33, channels));
        var expected = _plain.GateUp(gate.clone(), up);

        Assert.That(Distance(_fast.GateUp(gate, up), expected), Is.LessThan(1e-3));
    }

    /// <summary>Rates with the sizes of InternLM-7B, for the table in benchmarks/gpu.md.</summary>
    [Test]
    public void Rates()
    {
        const int Hidden = 4096;
        const int Inner = 11008;
        const int Tokens = 2048;
        foreach (var samples in new[] { 1, 4, 8 })
        {
            using var scope = NewDisposeScope();
            var (x, gate, up) = (Random(samples, Tokens, Hidden), Random(samples, Tokens, Inner), Random(samples, Tokens, Inner));
            var (square, wide, down, norm) = (Random(Hidden, Hidden) * 0.02, Random(Inner, Hidden) * 0.02, Random(Hidden, Inner) * 0.02, Random(Hidden));
            var planes = zeros([4, samples, Inner], ScalarType.Float16, _device);
            var notFinite = full([1], int.MaxValue, ScalarType.Int32, _device);
            var angles = Random(Tokens, 128);
            var rows = (double)samples * Tokens;
            var configuration = new GoldenModel("internlm").Configuration with { HiddenSize = Hidden, HeadCount = 32, KeyValueHeadCount = 32 };
            Time($"{samples} samples, product 4096 x 4096", 2e-12 * rows * Hidden * Hidden, "TFLOP/s", () => _fast.Linear(x, square, null));
            Time($"{samples} samples, product 11008 x 4096", 2e-12 * rows * Hidden * Inner, "TFLOP/s", () => _fast.Linear(x, wide, null));
            Time($"{samples} samples, product 4096 x 11008", 2e-12 * rows * Hidden * Inner, "TFLOP/s", () => _fast.Linear(gate, down, null));
            Time($"{samples} samples, fused attention", 2e-12 * rows * Tokens * Hidden, "TFLOP/s", () => _fast.Attend(x, x, x, configuration));
            Time($"{samples} samples, statistics of 4096 channels", 2e-9 * rows * Hidden, "GB/s", () => _kernels.ReduceChannels(x, planes, 0, 0, notFinite));
            Time($"{samples} samples, statistics of 11008 channels", 2e-9 * rows * Inner, "GB/s", () => _kernels.ReduceChannels(gate, planes, 0, 0, notFinite));
            Time($"{samples} samples, the same by libtorch's reductions", 2e-9 * rows * Inner, "GB/s", () => _ = (gate.amax([1L]), gate.amin([1L]), gate.mean([1L]), gate.abs().mean([1L])));
            Time($"{samples} samples, norm", 4e-9 * rows * Hidden, "GB/s", () => _fast.Norm(x, norm, 1e-6));
            Time($"{samples} samples, rotary embedding", 4e-9 * rows * Hidden, "GB/s", () => _fast.Rotate(x, angles, angles, 32));
            Time($"{samples} samples, gate", 6e-9 * rows * Inner, "GB/s", () => _fast.GateUp(gate, up));
            Time($"{samples} samples, sum", 6e-9 * rows * Hidden, "GB/s", () => _fast.Add(x, x));
        }

        Assert.Pass();
    }

    private static void Time(string what, double work, string unit, Action action)
    {
        const int Times = 20;
        for (var i = 0; i < 3; i++)
        {
            using var scope = NewDisposeScope();
            action();
        }

        cuda.synchronize();
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < Times; i++)
        {
            using var scope = NewDisposeScope();
            action();
        }

        cuda.synchronize();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds / Times;
        TestContext.Out.WriteLine(FormattableString.Invariant($"{what}: {seconds * 1000:0.000} ms, {work / seconds:0} {unit}"));
    }

    private Tensor Random(params long[] shape) => randn(shape, ScalarType.Float32, _device).to(ScalarType.Float16);

    private static bool Same(Tensor left, Tensor right) => left.eq(right).all().cpu().item<bool>();

    /// <summary>The largest difference, relative to the largest magnitude.</summary>
    private static double Distance(Tensor left, Tensor right)
    {
        var (a, b) = (left.to(ScalarType.Float64), right.to(ScalarType.Float64));
        return ((a - b).abs().max() / b.abs().max()).cpu().item<double>();
    }

    private static Half[] Values(Tensor row) => row.cpu().data<Half>().ToArray();
}
