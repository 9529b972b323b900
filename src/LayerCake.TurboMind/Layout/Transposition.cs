using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.TurboMind;

/// <summary>Transposes 16-bit matrices: from a checkpoint's (out, in) to TurboMind's (in, out).</summary>
internal static unsafe class Transposition
{
    /// <summary>Rows that one call takes at most: their output makes whole cache lines.</summary>
    public const int MaxRows = 128;

    // Source columns per round: one cache line of every row.
    private const int RoundColumns = 32;

    /// <summary>destination[i · stride + r] = rows[r][i].</summary>
    /// <param name="rows">Row pointers, in output column order; up to <see cref="MaxRows"/>.</param>
    /// <param name="rowCount">Rows.</param>
    /// <param name="columnCount">Elements of each row.</param>
    /// <param name="destination">Row 0, first output column of this call.</param>
    /// <param name="stride">Elements from an output row to the next.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(ushort** rows, int rowCount, int columnCount, ushort* destination, nint stride)
    {
        // Output rows are usually a power of two apart and would fight for the same few cache sets;
        // so a round goes to a compact scratch first and leaves it in runs of whole lines.
        var scratch = stackalloc ushort[RoundColumns * MaxRows];
        for (var column = 0; column < columnCount; column += RoundColumns)
        {
            var count = Math.Min(RoundColumns, columnCount - column);
            Round(rows, rowCount, column, count, scratch);
            for (var i = 0; i < count; i++)
            {
                Unsafe.CopyBlockUnaligned(destination + ((column + i) * stride), scratch + (i * MaxRows), (uint)rowCount * sizeof(ushort));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round(ushort** rows, int rowCount, int column, int count, ushort* scratch)
    {
        var row = 0;
        if (count == RoundColumns)
        {
            for (; row <= rowCount - 8; row += 8)
            {
                for (var c = 0; c < RoundColumns; c += 8)
                {
                    EightByEight(rows + row, column + c, scratch + (c * MaxRows) + row);
                }
            }
        }

        for (; row < rowCount; row++)
        {
            for (var c = 0; c < count; c++)
            {
                scratch[(c * MaxRows) + row] = rows[row][column + c];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EightByEight(ushort** rows, int column, ushort* scratch)
    {
        var r0 = Vector128.Load(rows[0] + column);
        var r1 = Vector128.Load(rows[1] + column);
        var r2 = Vector128.Load(rows[2] + column);
        var r3 = Vector128.Load(rows[3] + column);
        var r4 = Vector128.Load(rows[4] + column);
        var r5 = Vector128.Load(rows[5] + column);
        var r6 = Vector128.Load(rows[6] + column);
        var r7 = Vector128.Load(rows[7] + column);

        var a0 = Lanes.ZipLow(r0, r1).AsUInt32();
        var a1 = Lanes.ZipLow(r2, r3).AsUInt32();
        var a2 = Lanes.ZipLow(r4, r5).AsUInt32();
        var a3 = Lanes.ZipLow(r6, r7).AsUInt32();
        var b0 = Lanes.ZipHigh(r0, r1).AsUInt32();
        var b1 = Lanes.ZipHigh(r2, r3).AsUInt32();
        var b2 = Lanes.ZipHigh(r4, r5).AsUInt32();
        var b3 = Lanes.ZipHigh(r6, r7).AsUInt32();

        StorePairs(Lanes.ZipLow(a0, a1), Lanes.ZipLow(a2, a3), scratch);
        StorePairs(Lanes.ZipHigh(a0, a1), Lanes.ZipHigh(a2, a3), scratch + (2 * MaxRows));
        StorePairs(Lanes.ZipLow(b0, b1), Lanes.ZipLow(b2, b3), scratch + (4 * MaxRows));
        StorePairs(Lanes.ZipHigh(b0, b1), Lanes.ZipHigh(b2, b3), scratch + (6 * MaxRows));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePairs(Vector128<uint> upperRows, Vector128<uint> lowerRows, ushort* scratch)
    {
        Lanes.ZipLow(upperRows.AsUInt64(), lowerRows.AsUInt64()).AsUInt16().Store(scratch);
        Lanes.ZipHigh(upperRows.AsUInt64(), lowerRows.AsUInt64()).AsUInt16().Store(scratch + MaxRows);
    }
}
