using TorchSharp;

namespace LayerCake.Torch.Layers;

/// <summary>Sees a sample's activations while they pass through a layer in libtorch.</summary>
public interface ITensorObserver
{
    /// <param name="activation">Which activation.</param>
    /// <param name="values">[tokens, channels]; valid during the call only.</param>
    void Observe(Activation activation, torch.Tensor values);
}
