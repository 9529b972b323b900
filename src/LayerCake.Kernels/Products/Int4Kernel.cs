using System.Runtime.CompilerServices;

namespace LayerCake.Kernels;

/// <summary>
/// Few rows times one panel of an <see cref="Int4Matrix"/>. Six vector operations for as many weights as a vector has lanes: mask, convert, subtract the zero
/// point, two that multiply by the scale and round to float16, and the sum: three for the multiply-add units and three for others.
/// </summary>
internal static unsafe class Int4Kernel<TVectors, TVector>
    where TVectors : struct, IVectors<TVector>
    where TVector : struct
{
    private const int Columns = WeightMatrix.Columns;
    private const int Places = Int4Matrix.CodesPerWord;
    private const int Alignment = 64;

    /// <param name="blocks">The panel's blocks, group after group.</param>
    /// <param name="x">Rows as <see cref="Int4Matrix.Prepare"/> makes them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Multiply(byte* blocks, int groups, int groupSize, float* x, nint xStride, int rows, float* y, nint yStride)
    {
        var masks = stackalloc uint[Places] { 0xF, 0xF0, 0xF00, 0xF000, 0xF0000, 0xF00000, 0xF000000, 0xF0000000 };
        var scales = stackalloc float[2 * Columns];

        // A vector of offsets in two cache lines would cost a second load.
        var memory = stackalloc byte[(Places * Columns * sizeof(float)) + Alignment];
        var offsets = (float*)(((nint)memory + Alignment - 1) & -Alignment);
        for (var row = 0; row < rows; row++)
        {
            new Span<float>(y + (row * yStride), Columns).Clear();
        }

        for (var group = 0; group < groups; group++)
        {
            Parameters(blocks, scales, offsets);
            var words = (uint*)(blocks + Int4Matrix.WordsOffset);
            var count = groupSize / Places;
            var row = 0;
            for (; row <= rows - 4; row += 4)
            {
                for (var column = 0; column < Columns; column += TVectors.Width)
                {
                    FourRows(
                        words + column, count, masks, scales + column, offsets + column, x + (row * xStride), xStride, y + (row * yStride) + column, yStride);
                }
            }

            for (; row <= rows - 2; row += 2)
            {
                for (var column = 0; column < Columns; column += 2 * TVectors.Width)
                {
                    TwoRows(
                        words + column, count, masks, scales + column, offsets + column, x + (row * xStride), xStride, y + (row * yStride) + column, yStride);
                }
            }

            if (row < rows)
            {
                for (var column = 0; column < Columns; column += Math.Min(Columns, 4 * TVectors.Width))
                {
                    OneRow(words + column, count, masks, scales + column, offsets + column, x + (row * xStride), y + (row * yStride) + column);
                }
            }

            blocks += Int4Matrix.WordsOffset + (groupSize * Columns / 2);
            x += groupSize;
        }
    }

    /// <summary>
    /// Scales times <see cref="Int4Matrix.Split"/> and, after them, times <see cref="Int4Matrix.SplitBack"/>, both exact; and for each nibble's place −zero · 16^place, where
    /// the highest nibble is a signed number: eight less.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Parameters(byte* block, float* scales, float* offsets)
    {
        var minus = -1f;
        var eight = 8f;
        var (split, back) = (Int4Matrix.Split, Int4Matrix.SplitBack);
        for (var column = 0; column < Columns; column += TVectors.Width)
        {
            var scale = TVectors.LoadFloat16((ushort*)block + column);
            var minusZero = TVectors.Multiply(TVectors.LoadBytes(block + Int4Matrix.ZerosOffset + column), TVectors.Broadcast(&minus));
            TVectors.Store(TVectors.Multiply(scale, TVectors.Broadcast(&split)), scales + column);
            TVectors.Store(TVectors.Multiply(scale, TVectors.Broadcast(&back)), scales + Columns + column);
            var place = 1f;
            for (var i = 0; i < Places - 1; i++, place *= 16)
            {
                TVectors.Store(TVectors.Multiply(minusZero, TVectors.Broadcast(&place)), offsets + (i * Columns) + column);
            }

            var one = 1f;
            var signed = TVectors.FusedMultiplyAdd(minusZero, TVectors.Broadcast(&one), TVectors.Broadcast(&eight));
            TVectors.Store(TVectors.Multiply(signed, TVectors.Broadcast(&place)), offsets + ((Places - 1) * Columns) + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight(uint* words, uint* mask, float* offset, TVector split, TVector back)
    {
        var code = TVectors.Add(TVectors.Masked(words, mask), TVectors.Load(offset));
        return TVectors.FusedMultiplyAdd(code, back, TVectors.Multiply(code, split));
    }

    /// <summary>One row by up to four vectors of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(uint* words, int count, uint* masks, float* scales, float* offsets, float* x, float* y)
    {
        var width = TVectors.Width;
        var (split0, split1) = (TVectors.Load(scales), TVectors.Load(scales + width));
        var (back0, back1) = (TVectors.Load(scales + Columns), TVectors.Load(scales + Columns + width));
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + width));
        if (4 * TVectors.Width <= Columns)
        {
            var (split2, split3) = (TVectors.Load(scales + (2 * width)), TVectors.Load(scales + (3 * width)));
            var (back2, back3) = (TVectors.Load(scales + Columns + (2 * width)), TVectors.Load(scales + Columns + (3 * width)));
            var (sum2, sum3) = (TVectors.Load(y + (2 * width)), TVectors.Load(y + (3 * width)));
            for (; count > 0; count--, words += Columns)
            {
                Prefetch.Ahead(words);
                Prefetch.Ahead((byte*)words + Prefetch.Line);
                var offset = offsets;
                for (var i = 0; i < Places; i++, offset += Columns)
                {
                    var value = TVectors.Broadcast(x++);
                    sum0 = TVectors.FusedMultiplyAdd(value, Weight(words, masks + i, offset, split0, back0), sum0);
                    sum1 = TVectors.FusedMultiplyAdd(value, Weight(words + width, masks + i, offset + width, split1, back1), sum1);
                    sum2 = TVectors.FusedMultiplyAdd(value, Weight(words + (2 * width), masks + i, offset + (2 * width), split2, back2), sum2);
                    sum3 = TVectors.FusedMultiplyAdd(value, Weight(words + (3 * width), masks + i, offset + (3 * width), split3, back3), sum3);
                }
            }

            TVectors.Store(sum2, y + (2 * width));
            TVectors.Store(sum3, y + (3 * width));
        }
        else
        {
            for (; count > 0; count--, words += Columns)
            {
                Prefetch.Ahead(words);
                Prefetch.Ahead((byte*)words + Prefetch.Line);
                var offset = offsets;
                for (var i = 0; i < Places; i++, offset += Columns)
                {
                    var value = TVectors.Broadcast(x++);
                    sum0 = TVectors.FusedMultiplyAdd(value, Weight(words, masks + i, offset, split0, back0), sum0);
                    sum1 = TVectors.FusedMultiplyAdd(value, Weight(words + width, masks + i, offset + width, split1, back1), sum1);
                }
            }
        }

        TVectors.Store(sum0, y);
        TVectors.Store(sum1, y + width);
    }

    /// <summary>Two rows by two vectors of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoRows(
        uint* words, int count, uint* masks, float* scales, float* offsets, float* x, nint xStride, float* y, nint yStride)
    {
        var width = TVectors.Width;
        var (split0, split1) = (TVectors.Load(scales), TVectors.Load(scales + width));
        var (back0, back1) = (TVectors.Load(scales + Columns), TVectors.Load(scales + Columns + width));
        var (sum00, sum01) = (TVectors.Load(y), TVectors.Load(y + width));
        var (sum10, sum11) = (TVectors.Load(y + yStride), TVectors.Load(y + yStride + width));
        for (; count > 0; count--, words += Columns)
        {
            var offset = offsets;
            for (var i = 0; i < Places; i++, offset += Columns, x++)
            {
                var (value0, value1) = (TVectors.Broadcast(x), TVectors.Broadcast(x + xStride));
                var weight = Weight(words, masks + i, offset, split0, back0);
                sum00 = TVectors.FusedMultiplyAdd(value0, weight, sum00);
                sum10 = TVectors.FusedMultiplyAdd(value1, weight, sum10);
                weight = Weight(words + width, masks + i, offset + width, split1, back1);
                sum01 = TVectors.FusedMultiplyAdd(value0, weight, sum01);
                sum11 = TVectors.FusedMultiplyAdd(value1, weight, sum11);
            }
        }

        TVectors.Store(sum00, y);
        TVectors.Store(sum01, y + width);
        TVectors.Store(sum10, y + yStride);
        TVectors.Store(sum11, y + yStride + width);
    }

    /// <summary>Four rows by one vector of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(
        uint* words, int count, uint* masks, float* scales, float* offsets, float* x, nint xStride, float* y, nint yStride)
    {
        var (split, back) = (TVectors.Load(scales), TVectors.Load(scales + Columns));
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + yStride));
        var (sum2, sum3) = (TVectors.Load(y + (2 * yStride)), TVectors.Load(y + (3 * yStride)));
        for (; count > 0; count--, words += Columns)
        {
            var offset = offsets;
            for (var i = 0; i < Places; i++, offset += Columns, x++)
            {
                var weight = Weight(words, masks + i, offset, split, back);
                sum0 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x), weight, sum0);
                sum1 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + xStride), weight, sum1);
                sum2 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + (2 * xStride)), weight, sum2);
                sum3 = TVectors.FusedMultiplyAdd(TVectors.Broadcast(x + (3 * xStride)), weight, sum3);
            }
        }

        TVectors.Store(sum0, y);
        TVectors.Store(sum1, y + yStride);
        TVectors.Store(sum2, y + (2 * yStride));
        TVectors.Store(sum3, y + (3 * yStride));
    }
}
