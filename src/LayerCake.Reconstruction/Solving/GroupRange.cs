using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>Finds scale and zero point of one group of 32 outputs at once.</summary>
internal static unsafe class GroupRange
{
    private const int Width = WeightPanels.Width;

    // Adding and subtracting 1.5 · 2^23 rounds to a whole number, ties to even.
    private const float Magic = 12582912f;

    /// <summary>
    /// The whole range, widened to include zero: scale = f16((max − min) / 15), zero = round(−min / scale). Where <paramref name="clipping"/> allows, smaller
    /// ranges are tried too, and of each the scale that suits its codes best, and what costs Σ importance · (w' − w)² least is taken.
    /// </summary>
    /// <param name="w">[count][32].</param>
    /// <param name="importance">Of each input.</param>
    /// <param name="scale">[32], the result; 0 for a group of zeros.</param>
    /// <param name="zero">[32], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Find(float* w, float* importance, int count, ClippingGrid clipping, float* scale, float* zero)
    {
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            Find16(w + half, importance, count, clipping, scale + half, zero + half);
        }
    }

    /// <summary>The codes of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Codes(float* w, int count, float* scale, float* zero, float* codes)
    {
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var (reciprocal, z) = (Reciprocal(Vector512.Load(scale + half)), Vector512.Load(zero + half));
            for (var i = 0; i < count; i++)
            {
                Code(Vector512.Load(w + (i * Width) + half), reciprocal, z).Store(codes + (i * Width) + half);
            }
        }
    }

    /// <summary>w ← w' − w.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Errors(float* w, int count, float* scale, float* zero)
    {
        for (var half = 0; half < Width; half += Float16Lanes.Width)
        {
            var (s, z) = (Vector512.Load(scale + half), Vector512.Load(zero + half));
            var reciprocal = Reciprocal(s);
            for (var i = 0; i < count; i++)
            {
                var value = Vector512.Load(w + (i * Width) + half);
                (((Code(value, reciprocal, z) - z) * s) - value).Store(w + (i * Width) + half);
            }
        }
    }

    /// <summary>clamp(round(w / scale) + zero, 0, 15) of sixteen outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Code(Vector512<float> w, Vector512<float> reciprocal, Vector512<float> zero)
    {
        var magic = Vector512.Create(Magic);
        var code = ((w * reciprocal) + magic) - magic + zero;
        return Vector512.MinNative(Vector512.MaxNative(code, Vector512<float>.Zero), Vector512.Create(15f));
    }

    /// <summary>1 / scale, and 0 for a scale of 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Reciprocal(Vector512<float> scale) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(scale, Vector512<float>.Zero), Vector512<float>.One / scale, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Find16(float* w, float* importance, int count, ClippingGrid clipping, float* scale, float* zero)
    {
        var low = Vector512<float>.Zero;
        var high = Vector512<float>.Zero;
        for (var i = 0; i < count; i++)
        {
            var value = Vector512.Load(w + (i * Width));
            low = Vector512.MinNative(low, value);
            high = Vector512.MaxNative(high, value);
        }

        var (bestScale, bestZero) = Of(low, high);
        if (clipping.Steps > 0)
        {
            var bestCost = Cost(w, importance, count, bestScale, bestZero, out _);
            for (var step = 1; step <= clipping.Steps; step++)
            {
                var part = Vector512.Create(1f - ((1f - clipping.Least) * step / clipping.Steps));
                var (s, z) = Of(low * part, high * part);
                Take(s, z);
            }

            for (var round = 0; round < clipping.Refinements; round++)
            {
                _ = Cost(w, importance, count, bestScale, bestZero, out var fitted);
                Take(fitted, bestZero);
                var one = Vector512<float>.One;
                Take(bestScale, Vector512.MinNative(bestZero + one, Vector512.Create(15f)));
                Take(bestScale, Vector512.MaxNative(bestZero - one, Vector512<float>.Zero));
            }

            void Take(Vector512<float> s, Vector512<float> z)
            {
                var cost = Cost(w, importance, count, s, z, out _);
                var better = Vector512.LessThan(cost, bestCost);
                bestCost = Vector512.ConditionalSelect(better, cost, bestCost);
                bestScale = Vector512.ConditionalSelect(better, s, bestScale);
                bestZero = Vector512.ConditionalSelect(better, z, bestZero);
            }
        }

        bestScale.Store(scale);
        bestZero.Store(zero);
    }

    private static (Vector512<float> Scale, Vector512<float> Zero) Of(Vector512<float> low, Vector512<float> high)
    {
        var scale = Float16Lanes.Round((high - low) * Vector512.Create(1f / 15));
        var magic = Vector512.Create(Magic);
        var zero = ((-low * Reciprocal(scale)) + magic) - magic;
        return (scale, Vector512.MinNative(Vector512.MaxNative(zero, Vector512<float>.Zero), Vector512.Create(15f)));
    }

    /// <summary>Σ importance · (w' − w)², and the scale that would make it least with the same codes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> Cost(float* w, float* importance, int count, Vector512<float> scale, Vector512<float> zero, out Vector512<float> fitted)
    {
        var reciprocal = Reciprocal(scale);
        var cost = Vector512<float>.Zero;
        var product = Vector512<float>.Zero;
        var square = Vector512<float>.Zero;
        for (var i = 0; i < count; i++)
        {
            var value = Vector512.Load(w + (i * Width));
            var steps = Code(value, reciprocal, zero) - zero;
            var weighted = steps * Vector512.Create(importance[i]);
            var error = (steps * scale) - value;
            cost = Vector512.FusedMultiplyAdd(error * Vector512.Create(importance[i]), error, cost);
            product = Vector512.FusedMultiplyAdd(weighted, value, product);
            square = Vector512.FusedMultiplyAdd(weighted, steps, square);
        }

        var usable = Vector512.GreaterThan(square, Vector512<float>.Zero) & Vector512.GreaterThan(product, Vector512<float>.Zero);
        fitted = Vector512.ConditionalSelect(usable, Float16Lanes.Round(product / square), scale);
        return cost;
    }
}
