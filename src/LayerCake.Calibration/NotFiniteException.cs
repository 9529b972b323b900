using LayerCake.Torch.Layers;

namespace LayerCake.Calibration;

/// <summary>An activation that is infinite or not a number.</summary>
internal sealed class NotFiniteException(Activation activation, int sample) : Exception
{
    /// <summary>The first such activation, in the order they arise.</summary>
    public Activation Activation { get; } = activation;

    /// <summary>The first sample with it.</summary>
    public int Sample { get; } = sample;
}
