using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>Costs e H eᵀ of rows e, some rows at a time so that memory does not grow with a linear's outputs.</summary>
internal static class QuadraticForms
{
    /// <summary>Rows at a time: enough for products at full speed.</summary>
    public const long RowsAtOnce = 8192;

    /// <summary>One cost for each row, float64 on the processor.</summary>
    /// <param name="e">[rows, n], float32.</param>
    /// <param name="h">[n, n], float32.</param>
    public static double[] Of(Tensor e, Tensor h)
    {
        using var scope = NewDisposeScope();
        return InParts(e.shape[0], (first, count) => RowsOf(e.narrow(0, first, count), h));
    }

    /// <summary>What <paramref name="costs"/> gives for all rows.</summary>
    /// <param name="costs">Gets the first row and the count; gives [count] on the device.</param>
    public static double[] InParts(long rows, Func<long, long, Tensor> costs)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (long first = 0; first < rows; first += RowsAtOnce)
        {
            using var part = NewDisposeScope();
            parts.Add(costs(first, Math.Min(RowsAtOnce, rows - first)).to(ScalarType.Float64).MoveToOuterDisposeScope());
        }

        return cat(parts, 0).cpu().data<double>().ToArray();
    }

    /// <summary>e H eᵀ of each row, on the device; the caller's scope owns it.</summary>
    public static Tensor RowsOf(Tensor e, Tensor h)
    {
        using var scope = NewDisposeScope();
        using var fast = TensorFloat32.Allow();
        return e.mm(h).mul_(e).sum(1).clamp(min: 0).MoveToOuterDisposeScope();
    }
}
