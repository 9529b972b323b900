using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>A decoder layer's weights in memory.</summary>
internal sealed class LayerWeights : IDisposable
{
    public required WeightMatrix QueryKeyValue { get; init; }

    public required WeightMatrix AttentionOutput { get; init; }

    public required WeightMatrix Gate { get; init; }

    public required WeightMatrix Up { get; init; }

    public required WeightMatrix Down { get; init; }

    public required FloatBuffer AttentionNorm { get; init; }

    public required FloatBuffer FeedForwardNorm { get; init; }

    /// <summary>Null without attention biases.</summary>
    public required FloatBuffer? QueryKeyValueBias { get; init; }

    public required FloatBuffer? AttentionOutputBias { get; init; }

    public long ByteCount =>
        Matrices.Sum(matrix => matrix.ByteCount) + Vectors.Sum(vector => vector.Count * sizeof(ushort));

    private IEnumerable<WeightMatrix> Matrices => [QueryKeyValue, AttentionOutput, Gate, Up, Down];

    private IEnumerable<FloatBuffer> Vectors =>
        new[] { AttentionNorm, FeedForwardNorm, QueryKeyValueBias, AttentionOutputBias }.OfType<FloatBuffer>();

    public WeightMatrix Matrix(Linear linear) => linear switch
    {
        Linear.QueryKeyValue => QueryKeyValue,
        Linear.AttentionOutput => AttentionOutput,
        Linear.Gate => Gate,
        Linear.Up => Up,
        Linear.Down => Down,
        _ => throw new ArgumentOutOfRangeException(nameof(linear), linear, null),
    };

    public void Dispose()
    {
        foreach (var matrix in Matrices)
        {
            matrix.Dispose();
        }

        foreach (var vector in Vectors)
        {
            vector.Dispose();
        }
    }
}
