using System.Runtime.Intrinsics;
using LayerCake.Torch.Kernels;

namespace LayerCake.Calibration;

/// <summary>Reduces one sample's activation over its tokens: one pass over the data for all statistics.</summary>
internal static unsafe class ChannelReduction
{
    private const int ChannelBlock = 32;

    // Sums of so many tokens are added up first: the error of a long float32 sum stays that of a short one.
    private const int TokenBlock = 32;

    /// <param name="values">[rows][stride] float16 values in float32, stride a multiple of 32.</param>
    /// <param name="sums">One float32 sum per channel for callers that go on adding; may be null.</param>
    /// <returns>The statistics, or null where a value is not finite.</returns>
    public static SampleStatistics? Reduce(float* values, int rows, nint stride, int channels, float[]? sums = null, float[]? absoluteSums = null)
    {
        var result = new SampleStatistics(channels);
        var buffer = stackalloc float[4 * ChannelBlock];
        var reciprocal = 1f / rows;
        for (var channel = 0; channel < channels; channel += ChannelBlock)
        {
            ReduceBlock(values + channel, rows, stride, buffer);
            var count = Math.Min(ChannelBlock, channels - channel);
            for (var i = 0; i < count; i++)
            {
                var (max, min, sum, absolute) = (buffer[i], buffer[ChannelBlock + i], buffer[(2 * ChannelBlock) + i], buffer[(3 * ChannelBlock) + i]);
                if (!float.IsFinite(absolute))
                {
                    return null;
                }

                var c = channel + i;
                result.Max[c] = (Half)max;
                result.Min[c] = (Half)min;
                result.AbsMax[c] = (Half)MathF.Max(MathF.Abs(max), MathF.Abs(min));
                result.Mean[c] = (Half)(sum * reciprocal);
                result.AbsMean[c] = (Half)(absolute * reciprocal);
                if (sums is not null && absoluteSums is not null)
                {
                    sums[c] = sum;
                    absoluteSums[c] = absolute;
                }
            }
        }

        return result;
    }

    private static void ReduceBlock(float* values, int rows, nint stride, float* result)
    {
        var max0 = Vector512.Create(float.NegativeInfinity);
        var max1 = max0;
        var min0 = Vector512.Create(float.PositiveInfinity);
        var min1 = min0;
        var (sum0, sum1, absolute0, absolute1) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var first = 0; first < rows; first += TokenBlock)
        {
            var (part0, part1, absolutePart0, absolutePart1) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            var end = Math.Min(first + TokenBlock, rows);
            for (var row = first; row < end; row++)
            {
                var x0 = Vector512.Load(values);
                var x1 = Vector512.Load(values + 16);
                values += stride;
                max0 = Vector512.MaxNative(max0, x0);
                max1 = Vector512.MaxNative(max1, x1);
                min0 = Vector512.MinNative(min0, x0);
                min1 = Vector512.MinNative(min1, x1);
                part0 += x0;
                part1 += x1;
                absolutePart0 += Vector512.Abs(x0);
                absolutePart1 += Vector512.Abs(x1);
            }

            sum0 += part0;
            sum1 += part1;
            absolute0 += absolutePart0;
            absolute1 += absolutePart1;
        }

        max0.Store(result);
        max1.Store(result + 16);
        min0.Store(result + 32);
        min1.Store(result + 48);
        sum0.Store(result + 64);
        sum1.Store(result + 80);
        absolute0.Store(result + 96);
        absolute1.Store(result + 112);
    }
}
