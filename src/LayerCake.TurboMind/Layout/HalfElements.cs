using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>Casts to the 16-bit type of a workspace: round to nearest even, overflow to infinity, as PyTorch's casts do.</summary>
internal static class HalfElements
{
    /// <summary>Element types a cast starts from.</summary>
    public static bool IsReadable(DType type) => type is DType.F16 or DType.BF16 or DType.F32;

    public static int ByteSize(DType type) => type == DType.F32 ? 4 : 2;

    /// <summary>float32 to float16 or bfloat16 patterns.</summary>
    public static void Convert(ReadOnlySpan<float> source, Span<ushort> destination, DType target)
    {
        if (target == DType.F16)
        {
            TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<ushort, Half>(destination));
            return;
        }

        for (var i = 0; i < source.Length; i++)
        {
            destination[i] = ToBFloat16(BitConverter.SingleToUInt32Bits(source[i]));
        }
    }

    /// <summary>Between the two 16-bit types, in place; <paramref name="scratch"/> decides the length of a step.</summary>
    public static void ConvertInPlace(Span<ushort> elements, DType from, DType target, Span<float> scratch)
    {
        if (from == target)
        {
            return;
        }

        while (elements.Length > 0)
        {
            var step = elements[..Math.Min(elements.Length, scratch.Length)];
            var wide = scratch[..step.Length];
            if (from == DType.F16)
            {
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<ushort, Half>(step), wide);
            }
            else
            {
                for (var i = 0; i < step.Length; i++)
                {
                    wide[i] = BitConverter.UInt32BitsToSingle((uint)step[i] << 16);
                }
            }

            Convert(wide, step, target);
            elements = elements[step.Length..];
        }
    }

    /// <summary>Adding 0x7FFF and the lowest kept bit carries exactly when the dropped half is above, or at a tie to odd; NaN must not carry into infinity.</summary>
    private static ushort ToBFloat16(uint bits) =>
        (bits & 0x7FFFFFFF) > 0x7F800000 ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
