using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>Solves z H = y for 32 rows with H = U D Uᵀ.</summary>
internal static unsafe class TargetShift
{
    private const int Width = WeightPanels.Width;

    /// <param name="y">[inputs][32]; becomes z.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Solve(float* y, TriangularFactor factor)
    {
        var n = factor.Size;
        for (var k = n - 1; k > 0; k--)
        {
            var row = factor.FeedbackRow(k);
            var (low, high) = (Vector512.Load(y + ((long)k * Width)), Vector512.Load(y + ((long)k * Width) + 16));
            for (var j = 0; j < k; j++)
            {
                var at = y + ((long)j * Width);
                var weight = Vector512.Create(-row[j]);
                Vector512.FusedMultiplyAdd(weight, low, Vector512.Load(at)).Store(at);
                Vector512.FusedMultiplyAdd(weight, high, Vector512.Load(at + 16)).Store(at + 16);
            }
        }

        for (var j = 0; j < n; j++)
        {
            var reciprocal = Vector512.Create(1f / factor.Pivots[j]);
            var row = factor.FeedbackRow(j);
            var at = y + ((long)j * Width);
            var (low, high) = (Vector512.Load(at) * reciprocal, Vector512.Load(at + 16) * reciprocal);
            for (var i = 0; i < j; i++)
            {
                var weight = Vector512.Create(-row[i]);
                low = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + ((long)i * Width)), low);
                high = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + ((long)i * Width) + 16), high);
            }

            low.Store(at);
            high.Store(at + 16);
        }
    }
}
