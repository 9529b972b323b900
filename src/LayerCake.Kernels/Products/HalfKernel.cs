using System.Runtime.CompilerServices;

namespace LayerCake.Kernels;

/// <summary>Few rows times one panel of a <see cref="HalfMatrix{T}"/> whose float16 values are finite.</summary>
internal static unsafe class HalfKernel<T, TVectors, TVector>
    where T : struct, IHalfType
    where TVectors : struct, IVectors<TVector>
    where TVector : struct
{
    private const int Columns = WeightMatrix.Columns;

    // 16 KB of weights, which several passes over the columns find in the first-level cache.
    private const int DepthBlock = 256;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(ushort* panel, int inputs, float* x, nint xStride, int rows, float* y, nint yStride)
    {
        for (var row = 0; row < rows; row++)
        {
            new Span<float>(y + (row * yStride), Columns).Clear();
        }

        for (var depth = 0; depth < inputs; depth += DepthBlock, panel += DepthBlock * Columns, x += DepthBlock)
        {
            var count = Math.Min(DepthBlock, inputs - depth);
            var row = 0;
            for (; row <= rows - 4; row += 4)
            {
                for (var column = 0; column < Columns; column += TVectors.Width)
                {
                    FourRows(panel + column, count, x + (row * xStride), xStride, y + (row * yStride) + column, yStride);
                }
            }

            for (; row < rows; row++)
            {
                for (var column = 0; column < Columns; column += Math.Min(Columns, 4 * TVectors.Width))
                {
                    OneRow(panel + column, count, x + (row * xStride), y + (row * yStride) + column);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight(ushort* source) =>
        typeof(T) == typeof(BFloat16Type) ? TVectors.LoadBFloat16(source) : TVectors.LoadFiniteFloat16(source);

    /// <summary>One row by up to four vectors of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(ushort* weights, int count, float* x, float* y)
    {
        var width = TVectors.Width;
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + width));
        if (4 * TVectors.Width <= Columns)
        {
            var (sum2, sum3) = (TVectors.Load(y + (2 * width)), TVectors.Load(y + (3 * width)));
            for (; count > 0; count--, weights += Columns, x++)
            {
                Prefetch.Ahead(weights);
                var value = TVectors.Broadcast(x);
                sum0 = TVectors.FusedMultiplyAdd(value, Weight(weights), sum0);
                sum1 = TVectors.FusedMultiplyAdd(value, Weight(weights + width), sum1);
                sum2 = TVectors.FusedMultiplyAdd(value, Weight(weights + (2 * width)), sum2);
                sum3 = TVectors.FusedMultiplyAdd(value, Weight(weights + (3 * width)), sum3);
            }

            TVectors.Store(sum2, y + (2 * width));
            TVectors.Store(sum3, y + (3 * width));
        }
        else
        {
            for (; count > 0; count--, weights += Columns, x++)
            {
                Prefetch.Ahead(weights);
                var value = TVectors.Broadcast(x);
                sum0 = TVectors.FusedMultiplyAdd(value, Weight(weights), sum0);
                sum1 = TVectors.FusedMultiplyAdd(value, Weight(weights + width), sum1);
            }
        }

        TVectors.Store(sum0, y);
        TVectors.Store(sum1, y + width);
    }

    /// <summary>Four rows by one vector of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(ushort* weights, int count, float* x, nint xStride, float* y, nint yStride)
    {
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + yStride));
        var (sum2, sum3) = (TVectors.Load(y + (2 * yStride)), TVectors.Load(y + (3 * yStride)));
        for (; count > 0; count--, weights += Columns, x++)
        {
            var weight = Weight(weights);
            sum0 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x), weight, sum0);
            sum1 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + xStride), weight, sum1);
            sum2 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + (2 * xStride)), weight, sum2);
            sum3 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + (3 * xStride)), weight, sum3);
        }

        TVectors.Store(sum0, y);
        TVectors.Store(sum1, y + yStride);
        TVectors.Store(sum2, y + (2 * yStride));
        TVectors.Store(sum3, y + (3 * yStride));
    }
}
