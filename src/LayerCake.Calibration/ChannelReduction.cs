using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Calibration;

/// <summary>Reduces one sample's activation over its tokens: one pass over the data, front to back, for all statistics.</summary>
internal static unsafe class ChannelReduction
{
    private const int RowsAtOnce = 8;

    /// <param name="values">[rows][stride] float16 values in float32, stride a multiple of 32, zero beyond the channels.</param>
    /// <param name="sums">Takes the float32 sum of each channel for callers that go on adding; may be null.</param>
    /// <returns>The statistics, or null where a value is not finite.</returns>
    public static SampleStatistics? Reduce(float* values, int rows, nint stride, int channels, float[]? sums = null, float[]? absoluteSums = null)
    {
        // The running reductions, [max, min, sum, sum of magnitudes][stride].
        var pool = ArrayPool<float>.Shared;
        var rented = pool.Rent(4 * (int)stride);
        try
        {
            fixed (float* running = rented)
            {
                Start(running, stride);
                var row = 0;
                for (; row <= rows - RowsAtOnce; row += RowsAtOnce)
                {
                    AddEight(values + (row * stride), stride, running);
                }

                for (; row < rows; row++)
                {
                    AddOne(values + (row * stride), stride, running);
                }

                var statistics = Finish(running, rows, stride, channels);
                if (sums is not null && absoluteSums is not null)
                {
                    rented.AsSpan(2 * (int)stride, channels).CopyTo(sums);
                    rented.AsSpan(3 * (int)stride, channels).CopyTo(absoluteSums);
                }

                return statistics;
            }
        }
        finally
        {
            pool.Return(rented);
        }
    }

    private static void Start(float* running, nint stride)
    {
        new Span<float>(running, (int)stride).Fill(float.NegativeInfinity);
        new Span<float>(running + stride, (int)stride).Fill(float.PositiveInfinity);
        new Span<float>(running + (2 * stride), 2 * (int)stride).Clear();
    }

    /// <summary>Eight tokens at once: the reductions are read and written once for them, and the sums are trees, whose error grows slowly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddEight(float* values, nint stride, float* running)
    {
        for (nint i = 0; i < stride; i += Float16Lanes.Width)
        {
            var x0 = Vector512.Load(values + i);
            var x1 = Vector512.Load(values + stride + i);
            var x2 = Vector512.Load(values + (2 * stride) + i);
            var x3 = Vector512.Load(values + (3 * stride) + i);
            var x4 = Vector512.Load(values + (4 * stride) + i);
            var x5 = Vector512.Load(values + (5 * stride) + i);
            var x6 = Vector512.Load(values + (6 * stride) + i);
            var x7 = Vector512.Load(values + (7 * stride) + i);

            // What is not a number may get lost here, but never in the sum of magnitudes.
            var max = Max(Max(Max(x0, x1), Max(x2, x3)), Max(Max(x4, x5), Max(x6, x7)));
            var min = Min(Min(Min(x0, x1), Min(x2, x3)), Min(Min(x4, x5), Min(x6, x7)));
            var sum = (x0 + x1 + (x2 + x3)) + (x4 + x5 + (x6 + x7));
            var absolute = (Abs(x0) + Abs(x1) + (Abs(x2) + Abs(x3))) + (Abs(x4) + Abs(x5) + (Abs(x6) + Abs(x7)));
            Merge(running + i, stride, max, min, sum, absolute);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOne(float* values, nint stride, float* running)
    {
        for (nint i = 0; i < stride; i += Float16Lanes.Width)
        {
            var x = Vector512.Load(values + i);
            Merge(running + i, stride, x, x, x, Abs(x));
        }
    }

    private static void Merge(float* running, nint stride, Vector512<float> max, Vector512<float> min, Vector512<float> sum, Vector512<float> absolute)
    {
        Max(Vector512.Load(running), max).Store(running);
        Min(Vector512.Load(running + stride), min).Store(running + stride);
        (Vector512.Load(running + (2 * stride)) + sum).Store(running + (2 * stride));
        (Vector512.Load(running + (3 * stride)) + absolute).Store(running + (3 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static SampleStatistics? Finish(float* running, int rows, nint stride, int channels)
    {
        var result = new SampleStatistics(channels);
        var scratch = stackalloc float[Float16Lanes.Width];
        var infinity = Vector512.Create(float.PositiveInfinity);
        var reciprocal = Vector512.Create(1f / rows);
        fixed (Half* max = result.Max, min = result.Min, mean = result.Mean, absMax = result.AbsMax, absMean = result.AbsMean)
        {
            for (nint i = 0; i < channels; i += Float16Lanes.Width)
            {
                var absolute = Vector512.Load(running + (3 * stride) + i);
                if (!Vector512.LessThanAll(absolute, infinity))
                {
                    return null;
                }

                var (most, least) = (Vector512.Load(running + i), Vector512.Load(running + stride + i));
                Put(most, max + i);
                Put(least, min + i);
                Put(Max(Abs(most), Abs(least)), absMax + i);
                Put(Float16Lanes.Round(Vector512.Load(running + (2 * stride) + i) * reciprocal), mean + i);
                Put(Float16Lanes.Round(absolute * reciprocal), absMean + i);

                void Put(Vector512<float> value, Half* to)
                {
                    value.Store(scratch);
                    Float16Lanes.Store(scratch, to, Math.Min(Float16Lanes.Width, channels - i));
                }
            }
        }

        return result;
    }

    private static Vector512<float> Max(Vector512<float> x, Vector512<float> y) => Vector512.MaxNative(x, y);

    private static Vector512<float> Min(Vector512<float> x, Vector512<float> y) => Vector512.MinNative(x, y);

    private static Vector512<float> Abs(Vector512<float> x) => Vector512.Abs(x);
}
