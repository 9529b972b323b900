using LayerCake.Quantization;
using LayerCake.Quantization.Tests;
using LayerCake.Torch;
using TorchSharp;

namespace LayerCake.Calibration.Tests;

/// <summary>A calibration that was interrupted and goes on from its last finished layer.</summary>
internal sealed class ResumeTests
{
    private const int Layers = 2;

    [Test]
    public void A_run_that_goes_on_does_only_the_layers_that_are_left_and_gives_the_same_bits(
        [Values("internlm", "llama-sharded-bf16")] string name, [Values(1, 2)] int finished, [Values] bool plain)
    {
        using var model = new GoldenModel(name);
        var expected = StatisticsComparison.Bits(Run(model.Request, plain));
        var parts = Interrupted(model, finished, plain);
        var lines = new List<string>();

        var resumed = Run(model.Request with { Parts = parts }, plain, new Progress(progress =>
        {
            if (progress.CompletedLine is { } line)
            {
                lines.Add(line);
            }
        }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(StatisticsComparison.Bits(resumed), Is.EqualTo(expected));
            Assert.That(lines, Has.Count.EqualTo(Layers - finished));
            Assert.That(parts.Said, Is.EqualTo(new[] { (finished, Layers) }));
        }
    }

    [Test]
    public void Only_the_states_after_the_last_layer_are_kept([Values] bool plain)
    {
        using var model = new GoldenModel("internlm");
        var parts = new MemoryParts();

        Run(model.Request with { Parts = parts }, plain);

        Assert.That(parts.Names, Is.EqualTo(new[] { "layer.0", "layer.1", "states.1" }));
        Assert.That(parts["states.1"], Has.Length.EqualTo(2 * model.Samples.Length * model.Samples[0].Length * model.Configuration.HiddenSize));
    }

    [TestCase("states.0", 0)]
    [TestCase("states.0", -1)]
    [TestCase("layer.0", 0)]
    [TestCase("layer.0", -1)]
    public void A_part_that_is_not_there_or_not_whole_makes_a_run_start_at_the_first_layer(string name, int change)
    {
        using var model = new GoldenModel("internlm");
        var expected = StatisticsComparison.Bits(Calibrator.Run(model.Request));
        var parts = Interrupted(model, 1, plain: false);
        if (change == 0)
        {
            parts.Remove(name);
        }
        else
        {
            parts[name] = parts[name][..^2];
        }

        var bits = StatisticsComparison.Bits(Calibrator.Run(model.Request with { Parts = parts }));

        Assert.That(bits, Is.EqualTo(expected));
        Assert.That(parts.Said, Is.Empty);
    }

    [Test]
    public void Keeping_layers_changes_no_bit_with_any_number_of_threads([Values(1, 3)] int threads)
    {
        using var model = new GoldenModel("llama-gqa");
        var expected = StatisticsComparison.Bits(Calibrator.Run(model.Request));

        var kept = StatisticsComparison.Bits(Calibrator.Run(model.Request with { Parts = new MemoryParts(), Threads = threads }));

        Assert.That(kept, Is.EqualTo(expected));
    }

    /// <summary>What a run leaves that stopped after some layers: that of a whole run, with what came later taken away.</summary>
    private static MemoryParts Interrupted(GoldenModel model, int finished, bool plain)
    {
        var left = new MemoryParts();
        var parts = new MemoryParts();
        parts.Committed = name =>
        {
            if (left.Names.Count(kept => kept.StartsWith("layer.", StringComparison.Ordinal)) < finished || name == $"states.{finished - 1}")
            {
                left[name] = parts[name];
            }
        };
        Run(model.Request with { Parts = parts }, plain);
        Assert.That(left.Names, Does.Contain($"states.{finished - 1}"));
        return left;
    }

    /// <summary>With the kernels, or with libtorch's own operations as on a GPU.</summary>
    private static CalibrationStatistics Run(CalibrationRequest request, bool plain, IProgress<CalibrationProgress>? progress = null)
    {
        if (!plain)
        {
            return Calibrator.Run(request, progress);
        }

        LibTorch.EnsureLoaded();
        var statistics = CalibrationStatistics.For(request.Configuration);
        new CudaCalibration(request, statistics, progress).Run(torch.CPU, CancellationToken.None);
        return statistics;
    }
}
