using LayerCake.Models;

namespace LayerCake.Reconstruction;

/// <summary>How much memory a reconstruction needs on the CPU, from the configuration alone.</summary>
public static class ReconstructionMemory
{
    /// <summary>The runtime and what little else there is.</summary>
    private const long Base = 200L << 20;

    private const int MostSamplesAtOnce = 8;

    /// <summary>Peak bytes for so many samples in memory at once.</summary>
    public static long Peak(ModelConfiguration configuration, ReconstructionMethod method, ReconstructionEffort effort, int samples, int sequenceLength, int threads)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var settings = MethodSettings.Of(method, effort, 128);
        var used = SamplesUsed(settings, configuration, samples, sequenceLength);
        return Fixed(configuration, settings, used, sequenceLength) + (used > 0 ? Batch(threads, used) * PerSample(configuration, settings, sequenceLength) : 0);
    }

    /// <summary>Bytes without which nothing runs: one sample in memory at a time.</summary>
    public static long Least(ModelConfiguration configuration, ReconstructionMethod method, ReconstructionEffort effort, int samples, int sequenceLength)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var settings = MethodSettings.Of(method, effort, 128);
        var used = SamplesUsed(settings, configuration, samples, sequenceLength);
        return Fixed(configuration, settings, used, sequenceLength) + (used > 0 ? PerSample(configuration, settings, sequenceLength) : 0);
    }

    /// <summary>Bytes of the host's memory where a GPU computes and has room for the hidden states.</summary>
    public static long HostBesideGpu(ModelConfiguration configuration, ReconstructionMethod method, ReconstructionEffort effort, int samples, int sequenceLength)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var settings = MethodSettings.Of(method, effort, 128);
        var used = SamplesUsed(settings, configuration, samples, sequenceLength);
        return DeviceWorkspace.Host(configuration, settings.Learning, used, sequenceLength, statesOnHost: 0);
    }

    /// <summary>How many of the samples a method looks at.</summary>
    internal static int SamplesUsed(SolverSettings settings, ModelConfiguration configuration, int samples, int sequenceLength)
    {
        var widest = Math.Max(configuration.HiddenSize, configuration.IntermediateSize);
        var wanted = Math.Min((long)settings.TokensPerChannel * widest / Math.Max(1, sequenceLength), int.MaxValue);
        return settings.NeedsActivations ? Math.Min(samples, (int)Math.Max(1, wanted)) : 0;
    }

    /// <summary>Samples in memory at once that stay within a budget.</summary>
    /// <exception cref="ReconstructionException">Not even one does.</exception>
    internal static int BatchWithin(long? budget, ModelConfiguration configuration, SolverSettings settings, int samples, int sequenceLength, int threads)
    {
        var batch = Batch(threads, samples);
        if (budget is not { } bytes)
        {
            return batch;
        }

        var needed = Fixed(configuration, settings, samples, sequenceLength);
        var possible = (bytes - needed) / PerSample(configuration, settings, sequenceLength);
        if (possible < 1)
        {
            throw new ReconstructionException(
                $"Quantizing with {samples} samples of {sequenceLength} tokens needs {Megabytes(needed + PerSample(configuration, settings, sequenceLength))} MB, " +
                $"but the budget is {Megabytes(bytes)} MB. Raise it, use fewer or shorter samples, or a method that needs none (rtn).");
        }

        return (int)Math.Min(batch, possible);
    }

    private static int Batch(int threads, int samples) => Math.Max(1, Math.Min(Math.Max(threads, MostSamplesAtOnce), samples));

    private static long PerSample(ModelConfiguration configuration, SolverSettings settings, int sequenceLength) =>
        SampleBuffers.MemoryFor(configuration, sequenceLength) * (settings.FollowsFloatModel ? 2 : 1);

    /// <summary>
    /// The layer in float32 four times (as read, being quantized, its codes, its rounding to nearest), moments with their factor, and the hidden states: before and
    /// after the layer, the float model's, and what o or down reads.
    /// </summary>
    private static long Fixed(ModelConfiguration configuration, SolverSettings settings, int samples, int sequenceLength)
    {
        var linears = ModelFamily.Of(configuration).Linears(configuration);
        var layer = linears.Sum(linear => 4L * linear.OutputSize * linear.InputSize);
        var widest = (long)Math.Max(configuration.HiddenSize, configuration.IntermediateSize);
        if (!settings.NeedsActivations)
        {
            return Base + (3 * layer);
        }

        var moments = (widest * widest * (sizeof(float) + sizeof(float) + sizeof(double))) + (widest * configuration.HiddenSize * sizeof(float));
        var states = 2L * samples * sequenceLength * ((configuration.HiddenSize * (settings.FollowsFloatModel ? 3L : 2L)) + widest);
        return Base + (4 * layer) + moments + states + (settings.Learning is { } learning ? Learned(configuration, learning, samples, sequenceLength) : 0);
    }

    /// <summary>
    /// What learning adds: the span's layers as read, quantized and as codes; every weight as a real number with its gradient, Adam's two moments, what autograd keeps of it, and the
    /// bytes of snapshots; the activations of a step; the hidden states before the span; and the head.
    /// </summary>
    private static long Learned(ModelConfiguration configuration, LearningSettings settings, int samples, int sequenceLength)
    {
        const int BytesOfAWeight = 12 + 44;
        var layers = LearningSettings.LayersAtOnce(configuration);
        var weights = layers * ModelFamily.Of(configuration).Linears(configuration).Sum(linear => (long)linear.OutputSize * linear.InputSize);
        var activations = settings.Activations(configuration, sequenceLength, 6);
        var states = 3 * 2L * samples * sequenceLength * configuration.HiddenSize;
        return (BytesOfAWeight * weights) + activations + states + (4L * configuration.VocabularySize * configuration.HiddenSize);
    }

    private static long Megabytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;
}
