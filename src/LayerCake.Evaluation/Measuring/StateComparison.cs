using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>Sums over hidden states [rows, stride] in float32, whose rows are padded with zeros to whole vectors; each row's sum is added up in float64.</summary>
internal static unsafe class StateComparison
{
    /// <summary>Σ(x − y)².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SquaredDifference(float* x, float* y, int rows, nint stride)
    {
        double total = 0;
        for (var row = 0; row < rows; row++, x += stride, y += stride)
        {
            var sums = Vector512<float>.Zero;
            for (nint i = 0; i < stride; i += Float16Lanes.Width)
            {
                var difference = Vector512.Load(x + i) - Vector512.Load(y + i);
                sums = Vector512.FusedMultiplyAdd(difference, difference, sums);
            }

            total += Float16Lanes.Sum(sums);
        }

        return total;
    }

    /// <summary>Σx².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Squares(float* x, int rows, nint stride)
    {
        double total = 0;
        for (var row = 0; row < rows; row++, x += stride)
        {
            var sums = Vector512<float>.Zero;
            for (nint i = 0; i < stride; i += Float16Lanes.Width)
            {
                var value = Vector512.Load(x + i);
                sums = Vector512.FusedMultiplyAdd(value, value, sums);
            }

            total += Float16Lanes.Sum(sums);
        }

        return total;
    }
}
