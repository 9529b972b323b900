using System.Runtime.CompilerServices;

namespace LayerCake.Kernels;

/// <summary>
/// Few rows times one panel of an <see cref="Int4Matrix"/>. Six vector operations for as many weights as a vector has lanes: mask, convert, (code − zero) · scale as one exact
/// fused multiply-add, two that round it to float16, and the sum.
/// </summary>
internal static unsafe class Int4Kernel<TVectors, TVector>
    where TVectors : struct, IVectors<TVector>
    where TVector : struct
{
    private const int Columns = WeightMatrix.Columns;
    private const int Places = Int4Matrix.CodesPerWord;

    /// <param name="blocks">The panel's blocks, group after group.</param>
    /// <param name="x">Rows as <see cref="Int4Matrix.Prepare"/> makes them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Multiply(byte* blocks, int groups, int groupSize, float* x, nint xStride, int rows, float* y, nint yStride)
    {
        var masks = stackalloc uint[Places] { 0xF, 0xF0, 0xF00, 0xF000, 0xF0000, 0xF00000, 0xF000000, 0xF0000000 };
        var scales = stackalloc float[Columns];
        var offsets = stackalloc float[Places * Columns];
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

    /// <summary>Scales in float32, and for each nibble's place −zero · scale · 16^place, where the highest nibble is a signed number: eight less.</summary>
    private static void Parameters(byte* block, float* scales, float* offsets)
    {
        var minus = -1f;
        var eight = 8f;
        for (var column = 0; column < Columns; column += TVectors.Width)
        {
            var scale = TVectors.LoadFloat16((ushort*)block + column);
            var minusZero = TVectors.Multiply(TVectors.LoadBytes(block + Int4Matrix.ZerosOffset + column), TVectors.Broadcast(&minus));
            TVectors.Store(scale, scales + column);
            var place = 1f;
            for (var i = 0; i < Places - 1; i++, place *= 16)
            {
                TVectors.Store(TVectors.Multiply(TVectors.Multiply(minusZero, scale), TVectors.Broadcast(&place)), offsets + (i * Columns) + column);
            }

            var one = 1f;
            var signed = TVectors.FusedMultiplyAdd(minusZero, TVectors.Broadcast(&one), TVectors.Broadcast(&eight));
            TVectors.Store(TVectors.Multiply(TVectors.Multiply(signed, scale), TVectors.Broadcast(&place)), offsets + ((Places - 1) * Columns) + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight(uint* words, uint* mask, TVector scale, float* offset, TVector split, TVector splitBack)
    {
        var exact = TVectors.FusedMultiplyAdd(TVectors.Masked(words, mask), scale, TVectors.Load(offset));
        return TVectors.FusedMultiplyAdd(exact, splitBack, TVectors.Multiply(exact, split));
    }

    /// <summary>One row by up to four vectors of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(uint* words, int count, uint* masks, float* scales, float* offsets, float* x, float* y)
    {
        var (plus, minus) = (Int4Matrix.Split, Int4Matrix.SplitBack);
        var (split, back) = (TVectors.Broadcast(&plus), TVectors.Broadcast(&minus));
        var width = TVectors.Width;
        var (scale0, scale1) = (TVectors.Load(scales), TVectors.Load(scales + width));
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + width));
        if (4 * TVectors.Width <= Columns)
        {
            var (scale2, scale3) = (TVectors.Load(scales + (2 * width)), TVectors.Load(scales + (3 * width)));
            var (sum2, sum3) = (TVectors.Load(y + (2 * width)), TVectors.Load(y + (3 * width)));
            for (; count > 0; count--, words += Columns)
            {
                var offset = offsets;
                for (var i = 0; i < Places; i++, offset += Columns)
                {
                    var value = TVectors.Broadcast(x++);
                    sum0 = TVectors.FusedMultiplyAdd(value, Weight(words, masks + i, scale0, offset, split, back), sum0);
                    sum1 = TVectors.FusedMultiplyAdd(value, Weight(words + width, masks + i, scale1, offset + width, split, back), sum1);
                    sum2 = TVectors.FusedMultiplyAdd(value, Weight(words + (2 * width), masks + i, scale2, offset + (2 * width), split, back), sum2);
                    sum3 = TVectors.FusedMultiplyAdd(value, Weight(words + (3 * width), masks + i, scale3, offset + (3 * width), split, back), sum3);
                }
            }

            TVectors.Store(sum2, y + (2 * width));
            TVectors.Store(sum3, y + (3 * width));
        }
        else
        {
            for (; count > 0; count--, words += Columns)
            {
                var offset = offsets;
                for (var i = 0; i < Places; i++, offset += Columns)
                {
                    var value = TVectors.Broadcast(x++);
                    sum0 = TVectors.FusedMultiplyAdd(value, Weight(words, masks + i, scale0, offset, split, back), sum0);
                    sum1 = TVectors.FusedMultiplyAdd(value, Weight(words + width, masks + i, scale1, offset + width, split, back), sum1);
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
        var (plus, minus) = (Int4Matrix.Split, Int4Matrix.SplitBack);
        var (split, back) = (TVectors.Broadcast(&plus), TVectors.Broadcast(&minus));
        var width = TVectors.Width;
        var (scale0, scale1) = (TVectors.Load(scales), TVectors.Load(scales + width));
        var (sum00, sum01) = (TVectors.Load(y), TVectors.Load(y + width));
        var (sum10, sum11) = (TVectors.Load(y + yStride), TVectors.Load(y + yStride + width));
        for (; count > 0; count--, words += Columns)
        {
            var offset = offsets;
            for (var i = 0; i < Places; i++, offset += Columns, x++)
            {
                var (value0, value1) = (TVectors.Broadcast(x), TVectors.Broadcast(x + xStride));
                var weight = Weight(words, masks + i, scale0, offset, split, back);
                sum00 = TVectors.FusedMultiplyAdd(value0, weight, sum00);
                sum10 = TVectors.FusedMultiplyAdd(value1, weight, sum10);
                weight = Weight(words + width, masks + i, scale1, offset + width, split, back);
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
        var (plus, minus) = (Int4Matrix.Split, Int4Matrix.SplitBack);
        var (split, back) = (TVectors.Broadcast(&plus), TVectors.Broadcast(&minus));
        var scale = TVectors.Load(scales);
        var (sum0, sum1) = (TVectors.Load(y), TVectors.Load(y + yStride));
        var (sum2, sum3) = (TVectors.Load(y + (2 * yStride)), TVectors.Load(y + (3 * yStride)));
        for (; count > 0; count--, words += Columns)
        {
            var offset = offsets;
            for (var i = 0; i < Places; i++, offset += Columns, x++)
            {
                var weight = Weight(words, masks + i, scale, offset, split, back);
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
