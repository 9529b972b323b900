using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary><see cref="LinearSolver"/> on a device: all outputs that read one input at once, a group of inputs at a time.</summary>
internal static class DeviceLinearSolver
{
    /// <param name="Codes">What was found.</param>
    /// <param name="OutputErrors">Of each output (t − w') H (t − w')ᵀ for its target t; empty where no moments are known.</param>
    /// <param name="WeightErrors">Of each output Σ (w' − w)² of the scaled weight w.</param>
    /// <param name="WeightEnergies">Of each output Σ w².</param>
    public sealed record Solution(DeviceCodes Codes, double[] OutputErrors, double[] WeightErrors, double[] WeightEnergies);

    /// <param name="weight">[outputs, inputs], float32; not changed.</param>
    /// <param name="scales">By which its inputs are multiplied, since the input is divided by them; null for none.</param>
    /// <param name="moments">Of the divided input, damped; null where nothing is known.</param>
    /// <param name="factor">Of those moments; null where nothing is compensated.</param>
    public static Solution Solve(
        Tensor weight, Tensor? scales, DeviceMoments? moments, DeviceFactor? factor, SolverSettings settings, IGroupOperations operations)
    {
        using var scope = NewDisposeScope();
        var result = DeviceCodes.Empty(weight.shape[0], weight.shape[1], settings.GroupSize, weight.device);
        var target = scales is null ? weight.clone() : weight * scales;
        if (settings.FollowsFloatModel && factor is not null && moments is not null)
        {
            Shift(target, factor, moments);
        }

        var residual = settings.Compensates ? Compensate(target, factor!, result, settings.Clipping, operations) : null;
        if (residual is null)
        {
            var importance = moments is null ? ones(weight.shape[1], ScalarType.Float32, weight.device) : moments.Second.diagonal(0, 0, 1).contiguous();
            operations.Round(target, importance, settings.Clipping, result);
        }

        double[] errors = [];
        if (moments is not null)
        {
            residual ??= Residual(target, result);
            for (var pass = 0; pass < settings.DescentPasses; pass++)
            {
                Descend(target, moments.Second, residual, result, operations);
            }

            errors = QuadraticForms.Of(residual, moments.Second);
        }

        var (weightErrors, energies) = Differences(weight, scales, result);
        return new Solution(result, errors, weightErrors, energies);
    }

    /// <summary>As <see cref="LinearSolver"/> shifts targets, all outputs at once.</summary>
    private static void Shift(Tensor target, DeviceFactor factor, DeviceMoments moments)
    {
        using var scope = NewDisposeScope();
        if (moments.Cross is { } cross)
        {
            target.add_(factor.Solve(target.mm(cross.t())));
        }
        else if (moments.Residual is { } residual)
        {
            target.add_(factor.Solve(residual.t().contiguous()));
        }
    }

    /// <returns>target − w'; the caller's scope owns it.</returns>
    private static Tensor Compensate(Tensor target, DeviceFactor factor, DeviceCodes result, ClippingGrid clipping, IGroupOperations operations)
    {
        using var scope = NewDisposeScope();
        var errors = zeros_like(target);
        for (var group = 0; group < result.Groups; group++)
        {
            using var step = NewDisposeScope();
            long size = result.GroupSize;
            var begin = group * size;
            var own = target.narrow(1, begin, size);
            var moved = group == 0
                ? own.clone().contiguous()
                : addmm(own, errors.narrow(1, 0, begin), factor.Feedback.narrow(0, 0, begin).narrow(1, begin, size), 1, 1);
            operations.Compensate(moved, target, factor, group, clipping, errors, result);
        }

        return errors.MoveToOuterDisposeScope();
    }

    private static void Descend(Tensor target, Tensor h, Tensor residual, DeviceCodes result, IGroupOperations operations)
    {
        for (var group = 0; group < result.Groups; group++)
        {
            using var step = NewDisposeScope();
            long size = result.GroupSize;
            operations.Descend(residual.mm(h.narrow(1, group * size, size)), h, target, group, residual, result);
        }
    }

    private static Tensor Residual(Tensor target, DeviceCodes result)
    {
        using var scope = NewDisposeScope();
        var residual = target.clone();
        for (long first = 0; first < result.Outputs; first += QuadraticForms.RowsAtOnce)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(QuadraticForms.RowsAtOnce, result.Outputs - first);
            residual.narrow(0, first, count).sub_(result.Values(first, count));
        }

        return residual.MoveToOuterDisposeScope();
    }

    /// <summary>Of each output Σ (w' − w)² and Σ w² of the scaled weight w.</summary>
    /// <param name="weight">[outputs, inputs], float32.</param>
    /// <param name="scales">By which its inputs are multiplied; null for none.</param>
    public static (double[] Errors, double[] Energies) Differences(Tensor weight, Tensor? scales, DeviceCodes result)
    {
        return (Sums(true), Sums(false));

        double[] Sums(bool errors) => QuadraticForms.InParts(result.Outputs, (first, count) =>
        {
            var w = weight.narrow(0, first, count);
            var scaled = scales is null ? w : w * scales;
            return (errors ? result.Values(first, count).sub_(scaled) : scaled).square().sum(1);
        });
    }
}
