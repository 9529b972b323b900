namespace LayerCake.Reconstruction;

/// <summary>A layer that was quantized. Owns both.</summary>
/// <param name="Layer">The layer as the engine would compute it: norms, biases, and what the codes stand for.</param>
/// <param name="Linears">Its linears by their names inside the layer.</param>
internal sealed record ReconstructedLayer(StagedLayer Layer, IReadOnlyDictionary<string, SolvedLinear> Linears) : IDisposable
{
    public void Dispose()
    {
        Layer.Dispose();
        foreach (var linear in Linears.Values)
        {
            linear.Codes.Dispose();
        }
    }
}
