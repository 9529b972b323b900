using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

public static unsafe class FiniteCheck
{
    private const ushort ExponentMask = 0x7c00;

    /// <summary>Whether float16 values hold neither infinity nor NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AllFinite(Half* halves, long count)
    {
        var values = (ushort*)halves;
        var mask = Vector512.Create(ExponentMask);
        long i = 0;
        for (; i <= count - 32; i += 32)
        {
            if (Vector512.EqualsAny(Vector512.Load(values + i) & mask, mask))
            {
                return false;
            }
        }

        for (; i < count; i++)
        {
            if ((values[i] & ExponentMask) == ExponentMask)
            {
                return false;
            }
        }

        return true;
    }
}
