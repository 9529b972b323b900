using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>
/// Sums over one position's logits. Terms are float32, sixteen at a time in one order on every machine; every few thousand of them are added up in float64, so that
/// a vocabulary of 100,000 is summed as exactly as one of 4,000. Rows may be read to the next multiple of 16 beyond their end.
/// </summary>
internal static unsafe class TokenDistribution
{
    private const int Chunk = 4096;

    /// <summary>The largest logit and the first id that has it; id −1 where a logit is not a number or infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Largest, int Id) Largest(float* logits, int count)
    {
        var most = Vector512.Create(float.NegativeInfinity);
        var finite = Vector512<float>.AllBitsSet;
        var i = 0;
        for (; i <= count - Float16Lanes.Width; i += Float16Lanes.Width)
        {
            var value = Vector512.Load(logits + i);
            finite &= Vector512.LessThan(Vector512.Abs(value), Vector512.Create(float.PositiveInfinity));
            most = Vector512.MaxNative(most, value);
        }

        var largest = Float16Lanes.Max(most);
        var sound = Vector512.EqualsAll(finite.AsInt32(), Vector512<int>.AllBitsSet);
        for (; i < count; i++)
        {
            sound &= float.IsFinite(logits[i]);
            largest = MathF.Max(largest, logits[i]);
        }

        return sound ? (largest, new ReadOnlySpan<float>(logits, count).IndexOf(largest)) : (float.NaN, -1);
    }

    /// <summary>Σ exp(x − largest).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumOfExponentials(float* logits, int count, float largest)
    {
        double total = 0;
        var top = Vector512.Create(largest);
        for (var start = 0; start < count; start += Chunk)
        {
            var end = Math.Min(count, start + Chunk);
            var sums = Vector512<float>.Zero;
            for (var i = start; i < end; i += Float16Lanes.Width)
            {
                sums += Within(Exponential.Of(Vector512.Load(logits + i) - top), end - i);
            }

            total += Float16Lanes.Sum(sums);
        }

        return total;
    }

    /// <summary>Σ exp(p − largest) · (p − q): with the sum of exponentials of p this gives the mean of p − q under p's distribution.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double WeightedDifference(float* p, float* q, int count, float largest)
    {
        double total = 0;
        var top = Vector512.Create(largest);
        for (var start = 0; start < count; start += Chunk)
        {
            var end = Math.Min(count, start + Chunk);
            var sums = Vector512<float>.Zero;
            for (var i = start; i < end; i += Float16Lanes.Width)
            {
                var value = Vector512.Load(p + i);
                sums += Within(Exponential.Of(value - top) * (value - Vector512.Load(q + i)), end - i);
            }

            total += Float16Lanes.Sum(sums);
        }

        return total;
    }

    private static Vector512<float> Within(Vector512<float> terms, int left) => left >= Float16Lanes.Width
        ? terms
        : Vector512.ConditionalSelect(Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(left)).AsSingle(), terms, Vector512<float>.Zero);
}
