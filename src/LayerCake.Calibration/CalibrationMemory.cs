using LayerCake.Models;
using LayerCake.Torch;
using LayerCake.Torch.Layers;

namespace LayerCake.Calibration;

/// <summary>How much memory a calibration needs, from the configuration alone.</summary>
public static class CalibrationMemory
{
    /// <summary>libtorch's own pages, the runtime and what little else there is.</summary>
    private const long Base = 300L << 20;

    /// <summary>
    /// Peak bytes of host memory on the CPU: the hidden states of all samples, a copy of small ones that is being kept, the layer at work and the one being
    /// loaded, one set of activations per thread, and the per-sample statistics of a layer.
    /// </summary>
    public static long PeakOnCpu(ModelConfiguration configuration, int samples, int sequenceLength, int threads)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Fixed(configuration, samples, sequenceLength) + (Math.Min(threads, samples) * CpuLayerWorkspace.MemoryFor(configuration, sequenceLength));
    }

    /// <summary>The most threads that stay within a budget.</summary>
    /// <exception cref="CalibrationException">Not even one does.</exception>
    internal static int ThreadsWithin(long budget, ModelConfiguration configuration, int samples, int sequenceLength, int threads)
    {
        var left = budget - Fixed(configuration, samples, sequenceLength);
        var possible = left / CpuLayerWorkspace.MemoryFor(configuration, sequenceLength);
        if (possible < 1)
        {
            throw new CalibrationException(
                $"Calibrating {samples} samples of {sequenceLength} tokens needs {Megabytes(PeakOnCpu(configuration, samples, sequenceLength, 1))} MB, " +
                $"but the budget is {Megabytes(budget)} MB. Raise it, or use fewer or shorter samples.");
        }

        return (int)Math.Min(threads, possible);
    }

    private static long Fixed(ModelConfiguration configuration, int samples, int sequenceLength)
    {
        var linears = ModelFamily.Of(configuration).Linears(configuration);
        var layer = linears.Sum(linear => 2L * linear.OutputSize * linear.InputSize);
        var largest = linears.Max(linear => 2L * linear.OutputSize * linear.InputSize);
        var hidden = CalibrationParts.BytesOfStates(configuration, samples, sequenceLength);
        var copy = hidden <= CalibrationParts.SmallStates ? hidden : 0;
        var rows = Math.Min(configuration.VocabularySize, (long)samples * sequenceLength) * configuration.HiddenSize * 4;

        // Five float16 values per channel of every observed activation and sample.
        var channels = (6L * configuration.HiddenSize) + (3L * configuration.KeyValueSize) + (3L * configuration.IntermediateSize);
        var statistics = 10L * channels * samples;
        return Base + hidden + copy + Math.Max(rows, (2 * layer) + largest) + statistics;
    }

    private static long Megabytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;
}
