namespace LayerCake.Reconstruction;

/// <summary>What learning a span came to. Owns what was learned.</summary>
/// <param name="Layers">What was learned for its layers; null where what learning began with is best.</param>
/// <param name="First">Loss on the samples held back before the first step.</param>
/// <param name="Best">The same of what was kept.</param>
internal sealed record LearnedSpan(IReadOnlyList<LearnedValues>? Layers, double First, double Best) : IDisposable
{
    public void Dispose()
    {
        foreach (var layer in Layers ?? [])
        {
            layer.Dispose();
        }
    }
}
