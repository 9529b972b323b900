using LayerCake.Models;

namespace LayerCake.Calibration;

/// <summary>
/// How many samples a GPU takes through a layer at once, and what that needs. From the model's sizes alone, not from the memory that happens to be free: the products' last
/// bits depend on their shapes.
/// </summary>
internal static class DeviceBatches
{
    /// <summary>Beyond this, products are no faster.</summary>
    private const long MostTokens = 16384;

    /// <summary>Bytes that the activations of a batch may take.</summary>
    private const long MostBytes = 3L << 30;

    public static int SamplesAtOnce(ModelConfiguration configuration, int samples, int tokens) =>
        (int)Math.Clamp(Math.Min(MostTokens, MostBytes / BytesPerToken(configuration)) / tokens, 1, samples);

    /// <summary>Bytes of GPU memory without which a calibration cannot run: all hidden states, statistics, two layers, the activations of one sample.</summary>
    public static long Least(ModelConfiguration configuration, int samples, int tokens)
    {
        var layer = ModelFamily.Of(configuration).Linears(configuration).Sum(linear => 2L * linear.OutputSize * linear.InputSize);
        var channels = (6L * configuration.HiddenSize) + (3L * configuration.KeyValueSize) + (3L * configuration.IntermediateSize);
        return CalibrationParts.BytesOfStates(configuration, samples, tokens) + (8 * channels * samples) + (2 * layer) + (BytesPerToken(configuration) * tokens);
    }

    /// <summary>The most that exists of a token's activations at a time, in attention (heads repeated for grouped queries) or in the MLP.</summary>
    private static long BytesPerToken(ModelConfiguration configuration)
    {
        long hidden = configuration.HiddenSize;
        var attention = (6 * hidden) + (2L * configuration.KeyValueSize);
        var mlp = (2 * hidden) + (2L * configuration.IntermediateSize);
        return 2 * ((3 * hidden) + Math.Max(attention, mlp));
    }
}
