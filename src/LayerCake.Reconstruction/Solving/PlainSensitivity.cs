using System.Runtime.CompilerServices;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>What rounding to nearest in some number of bits would do to what a linear gives: the measure beside which methods are shown.</summary>
internal static unsafe class PlainSensitivity
{
    private const int Width = WeightPanels.Width;

    /// <summary>Bits that are shown beside four.</summary>
    public static IReadOnlyList<int> Bits { get; } = [3, 4, 8];

    /// <returns>Σ W H Wᵀ, and for each of <see cref="Bits"/> Σ (W' − W) H (W' − W)ᵀ.</returns>
    public static (double Energy, double[] Errors) Measure(WeightPanels weight, Moments h, int groupSize, ParallelOptions options)
    {
        var inputs = weight.Inputs;
        var results = new double[weight.PanelCount][];
        Parallel.For(0, weight.PanelCount, options, panel =>
        {
            using var memory = new FloatBuffer(2L * inputs * Width);
            var (errors, image) = ((nint)memory.Pointer, (nint)(memory.Pointer + ((long)inputs * Width)));
            var values = new List<double> { CoordinateDescent.QuadraticForm(weight.Panel(panel), h.Pointer, h.Stride, inputs, (float*)image) };
            foreach (var bits in Bits)
            {
                for (var begin = 0; begin < inputs; begin += groupSize)
                {
                    var place = (long)begin * Width;
                    RoundingErrors(weight.Panel(panel) + place, (float*)errors + place, groupSize, (1 << bits) - 1);
                }

                values.Add(CoordinateDescent.QuadraticForm((float*)errors, h.Pointer, h.Stride, inputs, (float*)image));
            }

            results[panel] = [.. values];
        });
        return (results.Sum(panel => panel[0]), [.. Enumerable.Range(1, Bits.Count).Select(i => results.Sum(panel => panel[i]))]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundingErrors(float* w, float* errors, int count, int levels)
    {
        for (var lane = 0; lane < Width; lane++)
        {
            var (low, high) = (0f, 0f);
            for (var i = 0; i < count; i++)
            {
                low = MathF.Min(low, w[(i * Width) + lane]);
                high = MathF.Max(high, w[(i * Width) + lane]);
            }

            var scale = (float)(Half)((high - low) / levels);
            var reciprocal = scale > 0 ? 1 / scale : 0;
            var zero = MathF.Round(-low * reciprocal);
            for (var i = 0; i < count; i++)
            {
                var value = w[(i * Width) + lane];
                var code = Math.Clamp(MathF.Round(value * reciprocal) + zero, 0, levels);
                errors[(i * Width) + lane] = ((code - zero) * scale) - value;
            }
        }
    }
}
