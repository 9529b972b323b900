using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;

namespace LayerCake.Torch.Kernels;

internal static unsafe class FiniteCheck
{
    private const ushort ExponentMask = 0x7c00;

    /// <summary>Whether a contiguous float16 CPU tensor holds neither infinity nor NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AllFinite(torch.Tensor tensor)
    {
        var values = (ushort*)TensorLoading.NativeMemoryOf(tensor);
        var count = tensor.NumberOfElements;
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
