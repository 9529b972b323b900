using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// Rounds the inputs of 32 outputs one after the other, each so as to make up for the errors of those before it: GPTQ in natural order, written with the factor
/// H = U D Uᵀ instead of an inverse.
/// </summary>
internal static unsafe class ErrorCompensation
{
    private const int Width = WeightPanels.Width;
    private const int DepthBlock = 256;

    /// <summary>Quantizes a panel: t_j = w_j + Σ_{i&lt;j} (w_i − w'_i) U_ij, w'_j = the value of its code.</summary>
    /// <param name="w">Target weights, [inputs][32].</param>
    /// <param name="scratch">2 · inputs · 32 floats.</param>
    public static void Round(float* w, TriangularFactor factor, Int4Panels result, int panel, ClippingGrid clipping, float* scratch)
    {
        var (inputs, groupSize) = (result.Inputs, result.GroupSize);
        var targets = scratch;
        var errors = scratch + ((long)inputs * Width);
        new Span<float>(w, inputs * Width).CopyTo(new Span<float>(targets, inputs * Width));
        fixed (float* pivots = factor.Pivots)
        {
            for (var group = 0; group < result.Groups; group++)
            {
                var begin = group * groupSize;
                var t = targets + ((long)begin * Width);
                for (var depth = 0; depth < begin; depth += DepthBlock)
                {
                    var length = Math.Min(DepthBlock, begin - depth);
                    PanelProduct.Multiply(
                        factor.FeedbackRow(begin) + depth, factor.Size, groupSize, errors + ((long)depth * Width), t, Width, length, accumulate: true);
                }

                GroupRange.Find(t, pivots + begin, groupSize, clipping, result.Scales(panel, group), result.Zeros(panel, group));
                RoundGroup(w, targets, errors, factor, result, panel, group);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundGroup(float* w, float* targets, float* errors, TriangularFactor factor, Int4Panels result, int panel, int group)
    {
        var begin = group * result.GroupSize;
        var end = begin + result.GroupSize;
        var codes = result.Codes(panel);
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var (scale, zero) = (Vector512.Load(result.Scales(panel, group) + half), Vector512.Load(result.Zeros(panel, group) + half));
            var reciprocal = GroupRange.Reciprocal(scale);
            for (var j = begin; j < end; j++)
            {
                var place = ((long)j * Width) + half;
                var row = factor.FeedbackRow(j);
                var sum0 = Vector512.Load(targets + place);
                var sum1 = Vector512<float>.Zero;
                var i = begin;
                for (; i < j - 1; i += 2)
                {
                    sum0 = Vector512.FusedMultiplyAdd(Vector512.Create(row[i]), Vector512.Load(errors + ((long)i * Width) + half), sum0);
                    sum1 = Vector512.FusedMultiplyAdd(Vector512.Create(row[i + 1]), Vector512.Load(errors + ((long)(i + 1) * Width) + half), sum1);
                }

                if (i < j)
                {
                    sum0 = Vector512.FusedMultiplyAdd(Vector512.Create(row[i]), Vector512.Load(errors + ((long)i * Width) + half), sum0);
                }

                var code = GroupRange.Code(sum0 + sum1, reciprocal, zero);
                code.Store(codes + place);
                (Vector512.Load(w + place) - ((code - zero) * scale)).Store(errors + place);
            }
        }
    }
}
