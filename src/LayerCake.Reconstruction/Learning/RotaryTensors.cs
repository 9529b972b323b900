using LayerCake.Models;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>Rotary position embedding on float32 tensors, of which autograd knows; the same angles as calibration's.</summary>
internal sealed class RotaryTensors : IDisposable
{
    private readonly Tensor _cosines;
    private readonly Tensor _sines;
    private readonly int _half;

    public RotaryTensors(ModelConfiguration configuration, int tokens, Device device)
    {
        _half = configuration.HeadDimension / 2;
        var (cosines, sines) = RotaryAngles.Tensors(configuration, tokens, device, ScalarType.Float32);
        (_cosines, _sines) = (cosines.DetachFromDisposeScope(), sines.DetachFromDisposeScope());
    }

    /// <summary>Turns [samples, heads, tokens, d] by their positions.</summary>
    public Tensor Apply(Tensor x) => (x * _cosines) + (cat([x.narrow(-1, _half, _half).neg(), x.narrow(-1, 0, _half)], -1) * _sines);

    public void Dispose()
    {
        _cosines.Dispose();
        _sines.Dispose();
    }
}
