using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>What was learned for a layer, as it will be stored. Owns its tensors.</summary>
/// <param name="Linears">Codes as bytes, [outputs, inputs], and scales, [outputs, groups], float32 holding float16 values, by the linear's name.</param>
/// <param name="Vectors">Norms' weights and linears' biases, float16, by their names.</param>
internal sealed record LearnedValues(IReadOnlyDictionary<string, (Tensor Codes, Tensor Scales)> Linears, IReadOnlyDictionary<string, Tensor> Vectors) : IDisposable
{
    public void Dispose()
    {
        foreach (var (codes, scales) in Linears.Values)
        {
            codes.Dispose();
            scales.Dispose();
        }

        foreach (var vector in Vectors.Values)
        {
            vector.Dispose();
        }
    }
}
