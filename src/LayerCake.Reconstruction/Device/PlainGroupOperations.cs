using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>The same in libtorch's own operations, an input at a time: what the kernels are tested against, and what computes where they do not run.</summary>
internal sealed class PlainGroupOperations : IGroupOperations
{
    public void Round(Tensor w, Tensor importance, ClippingGrid clipping, DeviceCodes result)
    {
        using var scope = NewDisposeScope();
        var (groups, size) = (result.Groups, result.GroupSize);
        var parted = w.view(result.Outputs, groups, size);
        var (scale, zero) = FindRange(parted, importance.view(groups, size), clipping);
        result.Codes.copy_(CodesOf(parted, scale, zero).view(w.shape));
        result.Scales.copy_(scale.squeeze(2));
        result.Zeros.copy_(zero.squeeze(2));
    }

    public Tensor SearchErrors(Tensor w, Tensor scales, Tensor diagonal, int groupSize, ClippingGrid clipping)
    {
        using var scope = NewDisposeScope();
        var scaled = (w * scales).view(w.shape[0], -1, groupSize);
        var (scale, zero) = FindRange(scaled, (diagonal / scales.square()).view(-1, groupSize), clipping);
        var errors = ((CodesOf(scaled, scale, zero) - zero) * scale) - scaled;
        return (errors.view(w.shape) * scales.reciprocal()).MoveToOuterDisposeScope();
    }

    public void Compensate(Tensor targets, Tensor w, DeviceFactor factor, int group, ClippingGrid clipping, Tensor errors, DeviceCodes result)
    {
        using var scope = NewDisposeScope();
        var size = result.GroupSize;
        var begin = (long)group * size;
        var (scale, zero) = FindRange(targets, factor.Pivots.narrow(0, begin, size), clipping);
        result.Scales.narrow(1, group, 1).copy_(scale);
        result.Zeros.narrow(1, group, 1).copy_(zero);
        var feedback = factor.Feedback.narrow(0, begin, size).narrow(1, begin, size);
        for (var j = 0; j < size; j++)
        {
            using var step = NewDisposeScope();
            var code = CodesOf(targets.narrow(1, j, 1), scale, zero);
            var error = w.narrow(1, begin + j, 1) - ((code - zero) * scale);
            result.Codes.narrow(1, begin + j, 1).copy_(code);
            errors.narrow(1, begin + j, 1).copy_(error);
            targets.addcmul_(error, feedback.narrow(0, j, 1), 1);
        }
    }

    public void Descend(Tensor gradient, Tensor h, Tensor w, int group, Tensor residual, DeviceCodes result)
    {
        using var scope = NewDisposeScope();
        var size = result.GroupSize;
        var begin = (long)group * size;
        var block = h.narrow(0, begin, size).narrow(1, begin, size);
        var (scale, zero) = (result.Scales.narrow(1, group, 1), result.Zeros.narrow(1, group, 1));
        for (var j = 0; j < size; j++)
        {
            using var step = NewDisposeScope();
            var line = block.narrow(0, j, 1);
            var old = result.Codes.narrow(1, begin + j, 1).to(ScalarType.Float32);
            var wanted = ((old - zero) * scale) + (gradient.narrow(1, j, 1) / line.narrow(1, j, 1));
            var code = CodesOf(wanted, scale, zero);
            gradient.addcmul_((old - code) * scale, line, 1);
            result.Codes.narrow(1, begin + j, 1).copy_(code);
        }

        var steps = result.Codes.narrow(1, begin, size).to(ScalarType.Float32) - zero;
        var image = steps.mm(block.t());
        var slope = (steps * gradient).sum(1, keepdim: true);
        var curvature = (steps * image).sum(1, keepdim: true);
        var better = Float16(scale + (slope / curvature));
        var change = better - scale;
        var gain = change * (slope + slope - (change * curvature));
        var usable = curvature.gt(0).logical_and(better.gt(0)).logical_and(better.lt(65504)).logical_and(gain.gt(0));
        scale.copy_(where(usable, better, scale));
        residual.narrow(1, begin, size).copy_(w.narrow(1, begin, size) - (steps * scale));
    }

    public void Dispose()
    {
    }

    /// <summary>Scales and zero points, [..., 1], of groups that are the last dimension of w.</summary>
    private static (Tensor Scale, Tensor Zero) FindRange(Tensor w, Tensor importance, ClippingGrid clipping)
    {
        var (low, high) = (w.amin([-1L], keepdim: true).clamp(max: 0), w.amax([-1L], keepdim: true).clamp(min: 0));
        var (bestScale, bestZero) = RangeOf(low, high);
        if (clipping.Steps == 0)
        {
            return (bestScale, bestZero);
        }

        var bestCost = CostOf(w, importance, bestScale, bestZero);
        for (var step = 1; step <= clipping.Steps; step++)
        {
            var part = 1f - ((1f - clipping.Least) * step / clipping.Steps);
            var (scale, zero) = RangeOf(low * part, high * part);
            Take(scale, zero);
        }

        for (var round = 0; round < clipping.Refinements; round++)
        {
            Take(FittedScale(w, importance, bestScale, bestZero), bestZero);
            Take(bestScale, (bestZero + 1).clamp(max: 15));
            Take(bestScale, (bestZero - 1).clamp(min: 0));
        }

        return (bestScale, bestZero);

        void Take(Tensor scale, Tensor zero)
        {
            var cost = CostOf(w, importance, scale, zero);
            var better = cost.lt(bestCost);
            (bestCost, bestScale, bestZero) = (where(better, cost, bestCost), where(better, scale, bestScale), where(better, zero, bestZero));
        }
    }

    private static (Tensor Scale, Tensor Zero) RangeOf(Tensor low, Tensor high)
    {
        var scale = Float16((high - low) * (1f / 15));
        return (scale, (low.neg() * ReciprocalOf(scale)).round().clamp(0, 15));
    }

    private static Tensor CostOf(Tensor w, Tensor importance, Tensor scale, Tensor zero)
    {
        using var scope = NewDisposeScope();
        var error = ((CodesOf(w, scale, zero) - zero) * scale) - w;
        return (error * importance * error).sum(-1, keepdim: true).MoveToOuterDisposeScope();
    }

    private static Tensor FittedScale(Tensor w, Tensor importance, Tensor scale, Tensor zero)
    {
        using var scope = NewDisposeScope();
        var steps = CodesOf(w, scale, zero) - zero;
        var weighted = steps * importance;
        var product = (weighted * w).sum(-1, keepdim: true);
        var square = (weighted * steps).sum(-1, keepdim: true);
        return where(square.gt(0).logical_and(product.gt(0)), Float16(product / square), scale).MoveToOuterDisposeScope();
    }

    private static Tensor CodesOf(Tensor w, Tensor scale, Tensor zero) => ((w * ReciprocalOf(scale)).round() + zero).clamp(0, 15);

    private static Tensor ReciprocalOf(Tensor scale) => where(scale.gt(0), scale.reciprocal(), zeros_like(scale));

    private static Tensor Float16(Tensor values) => values.to(ScalarType.Float16).to(ScalarType.Float32);
}
