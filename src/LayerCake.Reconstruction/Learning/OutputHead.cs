using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>Final norm and head in float32, which are not learned: from hidden states to the logarithms of probabilities.</summary>
internal sealed class OutputHead : IDisposable
{
    private readonly Tensor _norm;
    private readonly Tensor _weight;
    private readonly double _epsilon;

    /// <exception cref="ModelException">A weight is not finite in float16.</exception>
    public OutputHead(ITensorSource source, ModelConfiguration configuration, Device device)
    {
        var family = ModelFamily.Of(configuration);
        var head = source.TryFind(family.Head, out _) ? family.Head : family.Embedding;
        _epsilon = configuration.RmsNormEpsilon;
        _norm = Load($"{family.FinalNorm}.weight", configuration.HiddenSize);
        _weight = Load(head, configuration.VocabularySize, configuration.HiddenSize);

        Tensor Load(string name, params long[] shape)
        {
            using var scope = NewDisposeScope();
            return LayerWeights.LoadFinite(source, name, shape, device).to(ScalarType.Float32).DetachFromDisposeScope();
        }
    }

    /// <summary>[…, hidden] to […, vocabulary].</summary>
    public Tensor LogProbabilities(Tensor hidden) => nn.functional.linear(LearnedLayer.RmsNorm(hidden, _norm, _epsilon), _weight).log_softmax(-1);

    public void Dispose()
    {
        _norm.Dispose();
        _weight.Dispose();
    }
}
