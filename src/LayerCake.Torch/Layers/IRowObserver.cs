namespace LayerCake.Torch.Layers;

/// <summary>
/// Sees a sample's activations while they pass through a layer on the CPU. What it writes into them is what the layer goes on with: rotated keys and values
/// that went through a quantized cache, say.
/// </summary>
public unsafe interface IRowObserver
{
    /// <param name="activation">Which activation.</param>
    /// <param name="values">Float16 values in float32: <paramref name="rows"/> tokens of <paramref name="channels"/> channels; valid during the call only.</param>
    /// <param name="rows">Tokens of the sample.</param>
    /// <param name="stride">Floats from one token to the next, a multiple of 32; those beyond <paramref name="channels"/> are zero.</param>
    /// <param name="channels">Channels of the activation.</param>
    void Observe(Activation activation, float* values, int rows, nint stride, int channels);
}
