using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Weights;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>Final norm and head in float32, which are not learned: from hidden states to the logarithms of probabilities.</summary>
internal sealed class OutputHead : IDisposable
{
    private readonly Tensor _norm;
    private readonly Tensor _weight;
    private readonly double _epsilon;

    public OutputHead(ITensorSource source, ModelConfiguration configuration, Device device, CancellationToken cancellation)
    {
        var family = ModelFamily.Of(configuration);
        var head = source.TryFind(family.Head, out _) ? family.Head : family.Embedding;
        using var pool = new BufferPool();
        _epsilon = configuration.RmsNormEpsilon;
        _norm = Load($"{family.FinalNorm}.weight", 1).view(-1).DetachFromDisposeScope();
        _weight = Load(head, configuration.VocabularySize);

        Tensor Load(string name, int rows)
        {
            using var scope = NewDisposeScope();
            using var values = WeightReader.Load(source, name, rows, configuration.HiddenSize, pool, cancellation);
            var floats = new float[rows * configuration.HiddenSize];
            for (var row = 0; row < rows; row++)
            {
                for (var i = 0; i < configuration.HiddenSize; i++)
                {
                    floats[(row * configuration.HiddenSize) + i] = (float)values.Row(row)[i];
                }
            }

            return tensor(floats, ScalarType.Float32).view(rows, configuration.HiddenSize).to(device).DetachFromDisposeScope();
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
