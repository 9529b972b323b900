using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

        var done = 0;
        for (; done <= source.Length - Vector256<ushort>.Count; done += Vector256<ushort>.Count)
        {
            var low = ToBFloat16(Vector256.Create(source[done..]).AsUInt32());
            var high = ToBFloat16(Vector256.Create(source[(done + Vector256<float>.Count)..]).AsUInt32());
            Vector256.Narrow(low, high).CopyTo(destination[done..]);
        }

        for (; done < source.Length; done++)
        {
            destination[done] = ToBFloat16(BitConverter.SingleToUInt32Bits(source[done]));
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
                Widen(step, wide);
            }

            Convert(wide, step, target);
            elements = elements[step.Length..];
        }
    }

    private static void Widen(ReadOnlySpan<ushort> brains, Span<float> wide)
    {
        var done = 0;
        for (; done <= brains.Length - Vector256<ushort>.Count; done += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(brains[done..]));
            (low << 16).AsSingle().CopyTo(wide[done..]);
            (high << 16).AsSingle().CopyTo(wide[(done + Vector256<float>.Count)..]);
        }

        for (; done < brains.Length; done++)
        {
            wide[done] = BitConverter.UInt32BitsToSingle((uint)brains[done] << 16);
        }
    }

    /// <summary>Adding 0x7FFF and the lowest kept bit carries exactly when the dropped half is above, or at a tie to odd; NaN must not carry into infinity.</summary>
    private static ushort ToBFloat16(uint bits) =>
        (bits & 0x7FFFFFFF) > 0x7F800000 ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);

    private static Vector256<uint> ToBFloat16(Vector256<uint> bits)
    {
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One)) >>> 16;
        var isNaN = Vector256.GreaterThan((bits & Vector256.Create(0x7FFFFFFFu)).AsInt32(), Vector256.Create(0x7F800000)).AsUInt32();
        return Vector256.ConditionalSelect(isNaN, Vector256.Create(0x7FC0u), rounded);
    }
}
