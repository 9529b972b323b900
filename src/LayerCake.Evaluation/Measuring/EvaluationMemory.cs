using LayerCake.Models;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>How much memory an evaluation needs, from the configuration alone.</summary>
public static class EvaluationMemory
{
    /// <summary>The runtime and what little else there is.</summary>
    private const long Base = 300L << 20;

    /// <summary>Peak bytes: the hidden states of all variants, and the larger of two layers of two models (with one being packed) and two heads.</summary>
    /// <param name="configuration">Of the model.</param>
    /// <param name="window">Tokens of a window.</param>
    /// <param name="windows">How many; 0, where the text decides, is counted as 64.</param>
    /// <param name="variants">How many are measured side by side, of two models.</param>
    /// <param name="threads">Windows at once.</param>
    public static long Peak(ModelConfiguration configuration, int window, int windows, int variants, int threads)
    {
        const int unknown = 64;
        var layer = ModelFamily.Of(configuration).Linears(configuration).Sum(linear => 2L * linear.OutputSize * linear.InputSize);
        var head = 2L * configuration.VocabularySize * configuration.HiddenSize;
        var states = 2L * variants * (windows > 0 ? windows : unknown) * window * configuration.HiddenSize;
        var thread = CpuLayerWorkspace.MemoryFor(configuration, window) + (8L * window * configuration.HiddenSize);
        return Base + states + (threads * thread) + Math.Max(6 * layer, 3 * head);
    }
}
