using TorchSharp;

namespace LayerCake.Torch.Layers;

/// <summary>Sees activations while they pass through a layer in libtorch.</summary>
public interface ITensorObserver
{
    /// <param name="activation">Which activation.</param>
    /// <param name="values">[samples, tokens, channels], contiguous; valid during the call only.</param>
    void Observe(Activation activation, torch.Tensor values);
}
