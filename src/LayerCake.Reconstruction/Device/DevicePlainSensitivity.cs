using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary><see cref="PlainSensitivity"/> on a device.</summary>
internal static class DevicePlainSensitivity
{
    /// <param name="weight">[outputs, inputs], float32.</param>
    /// <returns>For each output w H wᵀ, and for each of <see cref="PlainSensitivity.Bits"/> and output (w' − w) H (w' − w)ᵀ.</returns>
    public static (double[] Energy, double[][] Errors) Measure(Tensor weight, Tensor h, int groupSize) => (
        QuadraticForms.Of(weight, h),
        [
            .. PlainSensitivity.Bits.Select(bits => QuadraticForms.InParts(
                weight.shape[0], (first, count) => QuadraticForms.RowsOf(RoundingErrors(weight.narrow(0, first, count), groupSize, (1 << bits) - 1), h))),
        ]);

    private static Tensor RoundingErrors(Tensor w, int groupSize, int levels)
    {
        using var scope = NewDisposeScope();
        var parted = w.view(w.shape[0], -1, groupSize);
        var (low, high) = (parted.amin([-1L], keepdim: true).clamp(max: 0), parted.amax([-1L], keepdim: true).clamp(min: 0));
        var scale = ((high - low) / levels).to(ScalarType.Float16).to(ScalarType.Float32);
        var reciprocal = where(scale.gt(0), scale.reciprocal(), zeros_like(scale));
        var zero = (low.neg() * reciprocal).round();
        var errors = (parted * reciprocal).round_().add_(zero).clamp_(0, levels).sub_(zero).mul_(scale).sub_(parted);
        return errors.view(w.shape).MoveToOuterDisposeScope();
    }
}
