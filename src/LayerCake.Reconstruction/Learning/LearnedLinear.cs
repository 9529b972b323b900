using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// One linear's codes and scales while they are learned: w' = (round(clamp(u, 0, 15)) − z) · f16(s · eᵃ), u [outputs, groups, group size], a [outputs, groups, 1].
/// Rounding passes gradients on as if it were not there (straight-through). Zero points stay.
/// </summary>
internal sealed class LearnedLinear : IDisposable
{
    private readonly long _outputs;
    private readonly long _inputs;
    private readonly Tensor _scales;
    private readonly Tensor _zeros;

    /// <param name="start">What was found so far; copied.</param>
    /// <param name="weight">The float weight that the codes stand for, [outputs, inputs], towards which u starts; null for the codes themselves.</param>
    /// <param name="distance">How far from the codes it starts at most.</param>
    public LearnedLinear(DeviceCodes start, Tensor? weight, double distance)
    {
        using var scope = NewDisposeScope();
        (_outputs, _inputs) = (start.Outputs, start.Inputs);
        _scales = start.Scales.unsqueeze(2).clone().DetachFromDisposeScope();
        _zeros = start.Zeros.unsqueeze(2).clone().DetachFromDisposeScope();
        var codes = start.Codes.to(ScalarType.Float32).view(_outputs, start.Groups, start.GroupSize);
        if (weight is not null)
        {
            var places = (weight.view(codes.shape) * where(_scales.gt(0), _scales.reciprocal(), zeros_like(_scales))).add_(_zeros);
            codes = places.sub_(codes).clamp_(-distance, distance).add_(codes);
        }

        Codes = LearnedLayer.Learn(codes);
        LogScales = LearnedLayer.Learn(zeros_like(_scales));
    }

    /// <summary>u.</summary>
    public Parameter Codes { get; }

    /// <summary>a.</summary>
    public Parameter LogScales { get; }

    /// <summary>w', [outputs, inputs] in float32.</summary>
    public Tensor Value()
    {
        var inside = Codes.clamp(0, 15);
        var code = inside + (inside.round() - inside).detach();
        var scale = _scales * LogScales.exp();
        scale = scale + (scale.to(ScalarType.Float16).to(ScalarType.Float32) - scale).detach();
        return ((code - _zeros) * scale).view(_outputs, _inputs);
    }

    /// <summary>A copy of codes as bytes, [outputs, inputs], and of scales, [outputs, groups], float32 holding float16 values, as they are now. The caller's.</summary>
    public (Tensor Codes, Tensor Scales) Snapshot()
    {
        using var scope = NewDisposeScope();
        var codes = Codes.detach().clamp(0, 15).round().to(ScalarType.Byte).view(_outputs, _inputs);
        var scales = (_scales * LogScales.detach().exp()).to(ScalarType.Float16).to(ScalarType.Float32).squeeze(2);
        return (codes.DetachFromDisposeScope(), scales.DetachFromDisposeScope());
    }

    public void Dispose()
    {
        Codes.Dispose();
        LogScales.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }
}
