using LayerCake.Models;

namespace LayerCake.Reconstruction;

/// <summary>How many samples a device takes through a layer at once, and what quantizing on it needs. From the model's sizes alone: last bits depend on the products' shapes.</summary>
internal static class DeviceWorkspace
{
    /// <summary>Tokens beyond which products are no faster.</summary>
    private const long MostTokens = 8192;

    /// <summary>The runtime, libtorch's pages and what little else there is.</summary>
    private const long HostBase = 1500L << 20;

    public static int Batch(int samples, int tokens) => (int)Math.Clamp(MostTokens / tokens, 1, samples);

    /// <summary>Bytes of the hidden states of one model.</summary>
    public static long States(ModelConfiguration configuration, int samples, int tokens) => 2L * samples * tokens * configuration.HiddenSize;

    /// <summary>
    /// What learning needs of a device: every weight of a span as a real number with its gradient, Adam's two moments, what autograd keeps of it and the snapshots, a few copies of the
    /// largest linear, the activations of a step, and the head with what the loss makes of its logits.
    /// </summary>
    private static long Learning(ModelConfiguration configuration, LearningSettings settings, int sequenceLength)
    {
        const int BytesOfAWeight = 34;
        const int CopiesOfTheLargest = 8;
        const int ScoresKept = 3;
        var linears = ModelFamily.Of(configuration).Linears(configuration);
        var layers = LearningSettings.LayersAtOnce(configuration);
        var weights = layers * linears.Sum(linear => (long)linear.OutputSize * linear.InputSize);
        var largest = linears.Max(linear => (long)linear.OutputSize * linear.InputSize);
        var scores = 4L * ScoresKept * layers * Math.Max(1, settings.HiddenTokensPerStep / sequenceLength) * LearnedAttention.ScoresOf(configuration, sequenceLength);
        var head = 4L * configuration.VocabularySize * configuration.HiddenSize;
        return (BytesOfAWeight * weights) + (4 * CopiesOfTheLargest * largest) + settings.Activations(configuration, sequenceLength, 8) + scores + head;
    }

    /// <summary>
    /// Bytes of device memory besides hidden states: a layer as it is, quantized and the one after it, codes, and the larger of a batch's activations and of what a linear's
    /// solution needs (moments, their factor, the weight with its targets and errors), and of what learning needs.
    /// </summary>
    public static long Device(ModelConfiguration configuration, LearningSettings? learning, int samples, int tokens)
    {
        long hidden = configuration.HiddenSize, inner = configuration.IntermediateSize, keys = configuration.KeyValueSize;
        var weights = ModelFamily.Of(configuration).Linears(configuration).Sum(linear => (long)linear.OutputSize * linear.InputSize);
        var perToken = (4 * ((3 * hidden) + Math.Max((4 * hidden) + (2 * keys), 2 * inner))) + (8 * Math.Max(hidden, inner));
        var activations = (4 * inner * inner) + (4 * inner * hidden) + (Batch(samples, tokens) * tokens * perToken);
        var solution = Math.Max(Solution(Math.Max(hidden + (2 * keys), 2 * inner), hidden), Solution(hidden, inner));
        return (8 * weights) + Math.Max(Math.Max(activations, solution), learning is null ? 0 : Learning(configuration, learning, tokens));

        static long Solution(long outputs, long inputs) => (28 * inputs * inputs) + (20 * outputs * inputs);
    }

    /// <summary>Bytes of host memory: the layer being read, hidden states before the layer, those that are not on the device, what is being written, and the head on its way.</summary>
    /// <param name="statesOnHost">How many models' hidden states stay there.</param>
    public static long Host(ModelConfiguration configuration, LearningSettings? learning, int samples, int tokens, int statesOnHost)
    {
        var weights = ModelFamily.Of(configuration).Linears(configuration).Sum(linear => (long)linear.OutputSize * linear.InputSize);
        var head = learning is null ? 0 : 2L * configuration.VocabularySize * configuration.HiddenSize;
        return HostBase + (3 * weights) + head + ((1L + statesOnHost) * States(configuration, samples, tokens));
    }
}
