using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// Lowers (w − w') H (w − w')ᵀ of quantized weights further: every code in turn becomes the best one given all others, and after a group's codes its scales the best
/// for them. The error never rises.
/// </summary>
internal static unsafe class CoordinateDescent
{
    private const int Width = WeightPanels.Width;
    private const int DepthBlock = 256;

    /// <summary>Goes over a panel several times.</summary>
    /// <param name="w">Target weights, [inputs][32].</param>
    /// <param name="h">[inputs, inputs], symmetric, with a positive diagonal.</param>
    /// <param name="scratch">(2 · inputs + 2 · group size) · 32 floats.</param>
    public static void Improve(float* w, float* h, nint stride, Int4Panels result, int panel, int passes, float* scratch)
    {
        var (inputs, groupSize) = (result.Inputs, result.GroupSize);
        var residual = scratch;
        var gradient = residual + ((long)inputs * Width);
        var moves = gradient + ((long)inputs * Width);
        var image = moves + ((long)groupSize * Width);
        result.Values(panel, residual, rounded: false);
        for (long i = 0; i < (long)inputs * Width; i++)
        {
            residual[i] = w[i] - residual[i];
        }

        Product(h, stride, inputs, residual, inputs, gradient, accumulate: false);
        for (var pass = 0; pass < passes; pass++)
        {
            for (var group = 0; group < result.Groups; group++)
            {
                var begin = group * groupSize;
                var own = h + (begin * stride) + begin;
                MoveCodes(own, stride, gradient + ((long)begin * Width), result, panel, group, moves);
                FitScales(own, stride, gradient + ((long)begin * Width), result, panel, group, moves, image);

                // What the moves (negated) do to the gradients of all other groups.
                Product(h + begin, stride, begin, moves, groupSize, gradient, accumulate: true);
                var end = begin + groupSize;
                Product(h + (end * stride) + begin, stride, inputs - end, moves, groupSize, gradient + ((long)end * Width), accumulate: true);
            }
        }
    }

    /// <summary>(w − w') H (w − w')ᵀ, summed over the panel's outputs.</summary>
    /// <param name="w">Target weights, [inputs][32].</param>
    /// <param name="scratch">2 · inputs · 32 floats.</param>
    public static double Cost(float* w, float* h, nint stride, Int4Panels result, int panel, float* scratch)
    {
        var count = (long)result.Inputs * Width;
        result.Values(panel, scratch, rounded: false);
        for (long i = 0; i < count; i++)
        {
            scratch[i] = w[i] - scratch[i];
        }

        return QuadraticForm(scratch, h, stride, result.Inputs, scratch + count);
    }

    /// <summary>e H eᵀ, summed over 32 rows e, [inputs][32].</summary>
    /// <param name="image">inputs · 32 floats, which get H eᵀ.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double QuadraticForm(float* e, float* h, nint stride, int inputs, float* image)
    {
        Product(h, stride, inputs, e, inputs, image, accumulate: false);
        var sum = Vector512<float>.Zero;
        for (long i = 0; i < (long)inputs * Width; i += Float16Lanes.Width)
        {
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(e + i), Vector512.Load(image + i), sum);
        }

        return Math.Max(0, Float16Lanes.Sum(sum));
    }

    private static void Product(float* a, nint lda, int rows, float* panel, int depth, float* c, bool accumulate)
    {
        for (var from = 0; from < depth; from += DepthBlock)
        {
            var length = Math.Min(DepthBlock, depth - from);
            PanelProduct.Multiply(a + from, lda, rows, panel + ((long)from * Width), c, Width, length, accumulate || from > 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MoveCodes(float* h, nint stride, float* gradient, Int4Panels result, int panel, int group, float* moves)
    {
        var count = result.GroupSize;
        var codes = result.Codes(panel) + ((long)group * count * Width);
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var (scale, zero) = (Vector512.Load(result.Scales(panel, group) + half), Vector512.Load(result.Zeros(panel, group) + half));
            var reciprocal = GroupRange.Reciprocal(scale);
            for (var j = 0; j < count; j++)
            {
                var place = ((long)j * Width) + half;
                var row = h + (j * stride);
                var old = Vector512.Load(codes + place);
                var wanted = ((old - zero) * scale) + (Vector512.Load(gradient + place) / Vector512.Create(row[j]));
                var code = GroupRange.Code(wanted, reciprocal, zero);
                var move = (old - code) * scale;
                move.Store(moves + place);
                if (Vector512.EqualsAll(move, Vector512<float>.Zero))
                {
                    continue;
                }

                code.Store(codes + place);
                for (var k = 0; k < count; k++)
                {
                    var at = gradient + ((long)k * Width) + half;
                    Vector512.FusedMultiplyAdd(Vector512.Create(row[k]), move, Vector512.Load(at)).Store(at);
                }
            }
        }
    }

    /// <summary>s ← f16(s + b·g / b H bᵀ) with b = code − zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FitScales(float* h, nint stride, float* gradient, Int4Panels result, int panel, int group, float* moves, float* image)
    {
        var count = result.GroupSize;
        var codes = result.Codes(panel) + ((long)group * count * Width);
        var steps = stackalloc float[count * Width];
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var zero = Vector512.Load(result.Zeros(panel, group) + half);
            for (var j = 0; j < count; j++)
            {
                (Vector512.Load(codes + ((long)j * Width) + half) - zero).Store(steps + (j * Width) + half);
            }
        }

        Product(h, stride, count, steps, count, image, accumulate: false);
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var slope = Vector512<float>.Zero;
            var curvature = Vector512<float>.Zero;
            for (var j = 0; j < count; j++)
            {
                var place = ((long)j * Width) + half;
                var b = Vector512.Load(steps + place);
                slope = Vector512.FusedMultiplyAdd(b, Vector512.Load(gradient + place), slope);
                curvature = Vector512.FusedMultiplyAdd(b, Vector512.Load(image + place), curvature);
            }

            var scales = result.Scales(panel, group) + half;
            var old = Vector512.Load(scales);
            var usable = Vector512.GreaterThan(curvature, Vector512<float>.Zero);
            var wanted = Float16Lanes.Round(old + (slope / curvature));
            usable &= Vector512.GreaterThan(wanted, Vector512<float>.Zero) & Vector512.LessThan(wanted, Vector512.Create(65504f));
            var scale = Vector512.ConditionalSelect(usable, wanted, old);

            // Rounding may have carried it past the point where the gain is lost again.
            var step = scale - old;
            var gain = step * ((slope + slope) - (step * curvature));
            step = Vector512.ConditionalSelect(Vector512.GreaterThan(gain, Vector512<float>.Zero), step, Vector512<float>.Zero);
            (old + step).Store(scales);
            for (var j = 0; j < count; j++)
            {
                var place = ((long)j * Width) + half;
                var at = gradient + place;
                (Vector512.Load(at) - (step * Vector512.Load(image + place))).Store(at);
                (Vector512.Load(moves + place) - (step * Vector512.Load(steps + place))).Store(moves + place);
            }
        }
    }
}
