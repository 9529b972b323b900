using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.TurboMind;

/// <summary>
/// Column arithmetic on AWQ words without unpacking them. A word holds eight columns; its nibbles, lowest first, are columns 0 2 4 6 1 3 5 7:
/// <code>
///   bits   0..3  4..7  8..11  12..15 | 16..19  20..23  24..27  28..31
///   column  0     2     4      6     |  1       3       5       7
/// </code>
/// The even columns are the low half word and the odd ones the high half word. So to zip two runs of columns (rotary pairs, gate with up)
/// is to bring both to natural nibble order and to interleave their half words.
/// </summary>
internal static unsafe class AwqColumns
{
    /// <summary>Columns in a word.</summary>
    public const int PerWord = 8;

    /// <summary>Output word 2w holds columns 4·(2w)..: even ones from <paramref name="first"/>, odd ones from <paramref name="second"/>.</summary>
    /// <param name="first">Words of the run that fills the even columns.</param>
    /// <param name="second">Words of the run that fills the odd columns.</param>
    /// <param name="destination">2·<paramref name="wordCount"/> words.</param>
    /// <param name="wordCount">Words of each run.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Zip(uint* first, uint* second, uint* destination, int wordCount)
    {
        var word = 0;
        for (; word <= wordCount - 4; word += 4)
        {
            var a = Natural(Vector128.Load(first + word)).AsUInt16();
            var b = Natural(Vector128.Load(second + word)).AsUInt16();
            Lanes.ZipLow(a, b).AsUInt32().Store(destination + (2 * word));
            Lanes.ZipHigh(a, b).AsUInt32().Store(destination + (2 * word) + 4);
        }

        for (; word < wordCount; word++)
        {
            var a = Natural(first[word]);
            var b = Natural(second[word]);
            destination[2 * word] = (a & 0xFFFF) | (b << 16);
            destination[(2 * word) + 1] = (a >> 16) | (b & 0xFFFF0000);
        }
    }

    /// <summary>Column c in nibble c: a perfect shuffle of the nibbles of the two half words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Natural(uint word)
    {
        var swap = (word ^ (word >> 8)) & 0x0000FF00;
        word ^= swap ^ (swap << 8);
        swap = (word ^ (word >> 4)) & 0x00F000F0;
        return word ^ swap ^ (swap << 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Natural(Vector128<uint> words)
    {
        var swap = (words ^ (words >>> 8)) & Vector128.Create(0x0000FF00u);
        words ^= swap ^ (swap << 8);
        swap = (words ^ (words >>> 4)) & Vector128.Create(0x00F000F0u);
        return words ^ swap ^ (swap << 4);
    }
}
