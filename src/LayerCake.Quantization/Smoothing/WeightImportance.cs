using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Smoothing;

/// <summary>
/// AWQ's importance of an input channel: the mean over all rows of |w| relative to the largest |w| of its group,
/// each quotient rounded to float16 (LMDeploy v0.1.0, weight scale of the smoothing step).
/// </summary>
internal static unsafe class WeightImportance
{
    // A quotient is at most 1 and a multiple of 2^-24, so sums of them are exact integers in units of 2^-24:
    // no order of rows or threads can change a bit.
    private const double Unit = 1.0 / (1 << 24);

    /// <summary>The importance of each input channel, float16, over the rows of all <paramref name="weights"/> joined.</summary>
    /// <returns>A value per column; 0 where the column counts for nothing. All-zero groups, 0/0 in the original, count as 0.</returns>
    public static Half[] Of(IReadOnlyList<HalfMatrix> weights, int groupSize, int threads, CancellationToken cancellation)
    {
        var columns = weights[0].Columns;
        var sums = new ulong[columns];
        foreach (var weight in weights)
        {
            RowBlocks.Run(weight.Rows, threads, cancellation, (_, begin, end) =>
            {
                var blockSums = new uint[columns];
                fixed (uint* blockPointer = blockSums)
                {
                    for (var row = begin; row < end; row++)
                    {
                        AddRow(weight.RowPointer(row), columns, groupSize, blockPointer);
                    }
                }

                lock (sums)
                {
                    for (var column = 0; column < columns; column++)
                    {
                        sums[column] += blockSums[column];
                    }
                }
            });
        }

        var rows = weights.Sum(weight => (long)weight.Rows);
        return Array.ConvertAll(sums, sum => (Half)((float)(sum * Unit) / rows));
    }

    private static void AddRow(ushort* row, int columns, int groupSize, uint* sums)
    {
        for (var group = 0; group < columns; group += groupSize)
        {
            if (groupSize % HalfVectors.Width == 0)
            {
                AddGroup(row + group, groupSize, sums + group);
            }
            else
            {
                AddGroupByElement(row + group, groupSize, sums + group);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddGroup(ushort* group, int count, uint* sums)
    {
        // Magnitudes order like their bits, so the maximum needs no conversion.
        var largestBits = Vector256<ushort>.Zero;
        for (var i = 0; i < count; i += HalfVectors.Width)
        {
            largestBits = Vector256.Max(largestBits, Vector256.Load(group + i) & Vector256.Create((ushort)0x7FFF));
        }

        ushort largest = 0;
        for (var lane = 0; lane < HalfVectors.Width; lane++)
        {
            largest = Math.Max(largest, largestBits[lane]);
        }

        if (largest == 0)
        {
            return;
        }

        var divisor = Vector512.Create((float)BitConverter.UInt16BitsToHalf(largest));
        for (var i = 0; i < count; i += HalfVectors.Width)
        {
            var quotient = HalfVectors.RoundToHalf(Vector512.Abs(HalfVectors.Widen(group + i)) / divisor);
            var units = Vector512.ConvertToInt32Native(quotient * Vector512.Create((float)(1 << 24))).AsUInt32();
            (Vector512.Load(sums + i) + units).Store(sums + i);
        }
    }

    private static void AddGroupByElement(ushort* group, int count, uint* sums)
    {
        var values = new ReadOnlySpan<Half>(group, count);
        var largest = 0f;
        foreach (var value in values)
        {
            largest = Math.Max(largest, MathF.Abs((float)value));
        }

        for (var i = 0; i < count && largest > 0; i++)
        {
            sums[i] += (uint)((float)(Half)(MathF.Abs((float)values[i]) / largest) * (1 << 24));
        }
    }
}
