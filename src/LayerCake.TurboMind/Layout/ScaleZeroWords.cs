using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LayerCake.TurboMind;

/// <summary>
/// The scales_zeros words of the int4 layout: the float16 scale in the high half, the float16 value 64 + zero in the low half
/// (pattern 0x5400 + 16·zero), as the engine's dequantization without a fused multiply-add expects it.
/// </summary>
internal static unsafe class ScaleZeroWords
{
    private const uint SixtyFour = 0x5400;

    /// <param name="zeros">AWQ words, <paramref name="wordCount"/> of them, in output column order.</param>
    /// <param name="scales">Float16 patterns, 8 per word, in output column order.</param>
    /// <param name="destination">8 words per zero word.</param>
    /// <param name="wordCount">Words of zeros.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Combine(uint* zeros, ushort* scales, uint* destination, int wordCount)
    {
        var low = Vector128.Create(0u, 4, 8, 12);
        var high = Vector128.Create(16u, 20, 24, 28);
        for (var word = 0; word < wordCount; word++)
        {
            var natural = AwqColumns.Natural(zeros[word]);
            var (lowScales, highScales) = Vector128.Widen(Vector128.Load(scales + (8 * word)));
            Word(natural, low, lowScales).Store(destination + (8 * word));
            Word(natural, high, highScales).Store(destination + (8 * word) + 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Word(uint natural, Vector128<uint> shifts, Vector128<uint> scales)
    {
        var spread = Avx2.IsSupported
            ? Avx2.ShiftRightLogicalVariable(Vector128.Create(natural), shifts)
            : Vector128.Create(natural >> (int)shifts[0], natural >> (int)shifts[1], natural >> (int)shifts[2], natural >> (int)shifts[3]);
        var zeros = (spread & Vector128.Create(15u)) << 4;
        return (scales << 16) | Vector128.Create(SixtyFour) | zeros;
    }
}
