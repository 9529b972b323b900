using LayerCake.Models;

namespace LayerCake.Reconstruction;

/// <summary>How spans of layers are learned (docs/quantization.md has the measurements behind the numbers).</summary>
internal sealed record LearningSettings
{
    /// <summary>Weights that are learned at once: about 40 bytes each.</summary>
    private const long MostWeights = 1L << 28;

    public required int Steps { get; init; }

    /// <summary>Tokens a step looks at where the next token's distribution is compared, in whole samples and at least one.</summary>
    public int TokensPerStep { get; init; } = 2048;

    /// <summary>The same where hidden states are.</summary>
    public int HiddenTokensPerStep { get; init; } = 4096;

    /// <summary>Of codes, in codes a step, at first, where the next token's distribution is compared; all rates fall linearly to nothing.</summary>
    public double CodeRate { get; init; } = 0.017;

    /// <summary>The same where hidden states are.</summary>
    public double HiddenCodeRate { get; init; } = 1e-3;

    /// <summary>
    /// How far from its code, towards the float weight, a code starts where hidden states are compared: those that rounding to nearest would have put elsewhere are the first to change, and
    /// the others change only if they are pulled for long.
    /// </summary>
    public double HiddenDistance { get; init; } = 0.4;

    /// <summary>Of the logarithm of scales, at first.</summary>
    public double ScaleRate { get; init; } = 5e-4;

    /// <summary>Of norms and biases, at first.</summary>
    public double VectorRate { get; init; } = 5e-4;

    /// <summary>How often the samples that are held back are looked at.</summary>
    public int Checks { get; init; } = 8;

    /// <summary>Looks in a row without a gain after which learning ends.</summary>
    public int Patience { get; init; } = 4;

    /// <summary>One in so many samples is held back.</summary>
    public int HeldBackOneIn { get; init; } = 16;

    /// <summary>Decides the order of samples.</summary>
    public uint Seed { get; init; }

    /// <summary>Bytes of what a step keeps of the activations of a span, the larger of where hidden states are compared and where the next token's distribution is.</summary>
    /// <param name="copiesOfLogits">How often logits are held.</param>
    public long Activations(ModelConfiguration configuration, int sequenceLength, int copiesOfLogits)
    {
        var layers = LayersAtOnce(configuration);
        var perToken = layers * ((14L * configuration.HiddenSize) + (8L * configuration.IntermediateSize));
        var last = Math.Max(sequenceLength, TokensPerStep) * (perToken + ((long)copiesOfLogits * configuration.VocabularySize));
        return 4 * (layers < configuration.LayerCount ? Math.Max(last, Math.Max(sequenceLength, HiddenTokensPerStep) * perToken) : last);
    }

    /// <summary>Layers that are learned together: as many as have 2²⁸ weights in their linears, at least one. Depends on the model alone, as bits do on it.</summary>
    public static int LayersAtOnce(ModelConfiguration configuration)
    {
        var weights = ModelFamily.Of(configuration).Linears(configuration).Sum(linear => (long)linear.OutputSize * linear.InputSize);
        return (int)Math.Clamp(MostWeights / weights, 1, configuration.LayerCount);
    }
}
