using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.TurboMind;

/// <summary>
/// The int4 layout of TurboMind: 32 inputs × 32 outputs are a tile of 128 words, in the order in which the lanes of an
/// m16n8k16 tensor-core product want them. Input i and output n of a tile go to
/// <code>
///   word   16·(n mod 8) + 4·(i div 2 mod 4) + 2·(i div 16) + n div 16
///   nibble 4·(i mod 2) + 2·(i div 8 mod 2) + (n div 8 mod 2)
/// </code>
/// The eight nibbles of an output word come from the same nibble position of eight source words, and the eight nibbles of a
/// source word go to the same nibble position of eight output words: an 8×8 transposition of nibbles, done here in registers.
/// </summary>
internal static unsafe class TilePacker
{
    public const int Side = 32;

    public const int WordsPerTile = Side * Side / 8;

    public const int BytesPerTile = 4 * WordsPerTile;

    private const int WordsPerRow = Side / AwqColumns.PerWord;

    /// <summary>Lays out a strip of tiles.</summary>
    /// <param name="rows">32 rows of AWQ words: the inputs.</param>
    /// <param name="stride">Words from a row to the next.</param>
    /// <param name="tileCount">Tiles side by side: 4 words of each row per tile.</param>
    /// <param name="destination">The tiles, 128 words each, one after the other.</param>
    // Conversions are short: the kernels must not begin in unoptimized code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(uint* rows, nint stride, int tileCount, uint* destination)
    {
        for (var tile = 0; tile < tileCount; tile++)
        {
            for (var quarter = 0; quarter < 4; quarter++)
            {
                PackQuarter(rows + (WordsPerRow * tile) + (2 * quarter * stride), stride, destination + (WordsPerTile * tile) + (4 * quarter));
            }
        }
    }

    /// <summary>
    /// Rows 2b + {0, 1} + {0, 8} + {0, 16} of a tile (<paramref name="rows"/> points at row 2b): words 4b..4b+3 of each of its eight 16-word lines.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PackQuarter(uint* rows, nint stride, uint* destination)
    {
        // Vector j holds the words whose nibbles become nibble j: j = 4·(row mod 2) + 2·(row div 8 mod 2) + (word mod 2).
        // Its lanes are 2·(row div 16) + (word div 2), which is the order of the four output words.
        var low = Vector128.Load(rows);
        var high = Vector128.Load(rows + (16 * stride));
        var s0 = Lanes.Even(low, high);
        var s1 = Lanes.Odd(low, high);
        low = Vector128.Load(rows + (8 * stride));
        high = Vector128.Load(rows + (24 * stride));
        var s2 = Lanes.Even(low, high);
        var s3 = Lanes.Odd(low, high);
        rows += stride;
        low = Vector128.Load(rows);
        high = Vector128.Load(rows + (16 * stride));
        var s4 = Lanes.Even(low, high);
        var s5 = Lanes.Odd(low, high);
        low = Vector128.Load(rows + (8 * stride));
        high = Vector128.Load(rows + (24 * stride));
        var s6 = Lanes.Even(low, high);
        var s7 = Lanes.Odd(low, high);

        Swap(ref s0, ref s4, 16, 0x0000FFFF);
        Swap(ref s1, ref s5, 16, 0x0000FFFF);
        Swap(ref s2, ref s6, 16, 0x0000FFFF);
        Swap(ref s3, ref s7, 16, 0x0000FFFF);

        Swap(ref s0, ref s2, 8, 0x00FF00FF);
        Swap(ref s1, ref s3, 8, 0x00FF00FF);
        Swap(ref s4, ref s6, 8, 0x00FF00FF);
        Swap(ref s5, ref s7, 8, 0x00FF00FF);

        Swap(ref s0, ref s1, 4, 0x0F0F0F0F);
        Swap(ref s2, ref s3, 4, 0x0F0F0F0F);
        Swap(ref s4, ref s5, 4, 0x0F0F0F0F);
        Swap(ref s6, ref s7, 4, 0x0F0F0F0F);

        // Nibble p of a source word is column 0 2 4 6 1 3 5 7 [p]: vector p is line n mod 8 = that column.
        s0.Store(destination);
        s4.Store(destination + 16);
        s1.Store(destination + 32);
        s5.Store(destination + 48);
        s2.Store(destination + 64);
        s6.Store(destination + 80);
        s3.Store(destination + 96);
        s7.Store(destination + 112);
    }

    /// <summary>One butterfly of a bit-matrix transposition: the upper fields of <paramref name="low"/> change places with the lower fields of <paramref name="high"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Swap(ref Vector128<uint> low, ref Vector128<uint> high, int shift, uint mask)
    {
        var difference = ((low >>> shift) ^ high) & Vector128.Create(mask);
        high ^= difference;
        low ^= difference << shift;
    }
}
