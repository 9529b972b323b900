using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Checkpoints;

namespace LayerCake.Quantization.Weights;

/// <summary>Finds NaN, infinities and values that float16 cannot hold, by their bits: magnitudes order like unsigned integers.</summary>
internal static unsafe class UnusableValues
{
    private const ushort HalfLimit = 0x7C00;

    // 65536, the first bfloat16 that rounds to infinity; 65280 before it does not.
    private const ushort BFloat16Limit = 0x4780;

    // 65520, the first float32 that rounds to infinity in float16.
    private const uint SingleLimit = 0x477FF000;

    /// <summary>Refuses the first unusable value among the tensor's elements from <paramref name="first"/> on.</summary>
    /// <exception cref="QuantizationException">Names the tensor, the position and the value.</exception>
    public static void Refuse(ITensorSource source, TensorInfo tensor, long first, ReadOnlySpan<byte> bytes)
    {
        var index = IndexOf(tensor.DType, bytes);
        if (index < 0)
        {
            return;
        }

        var value = tensor.DType switch
        {
            DType.F16 => (float)MemoryMarshal.Cast<byte, Half>(bytes)[index],
            DType.BF16 => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(bytes)[index] << 16),
            _ => MemoryMarshal.Cast<byte, float>(bytes)[index],
        };
        var where = $"{source.Path}: tensor {tensor.Name} holds {value.ToString("R", CultureInfo.InvariantCulture)} at {Position(tensor, first + index)}";
        throw new QuantizationException(float.IsFinite(value)
            ? $"{where}, beyond float16's largest value 65504. The model cannot be quantized in float16."
            : $"{where}. The checkpoint is damaged, or its training diverged; get it anew.");
    }

    private static int IndexOf(DType dtype, ReadOnlySpan<byte> bytes) => dtype switch
    {
        DType.F16 => IndexOf16(MemoryMarshal.Cast<byte, ushort>(bytes), HalfLimit),
        DType.BF16 => IndexOf16(MemoryMarshal.Cast<byte, ushort>(bytes), BFloat16Limit),
        DType.F32 => IndexOf32(MemoryMarshal.Cast<byte, uint>(bytes), SingleLimit),
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Weights are F16, BF16 or F32."),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int IndexOf16(ReadOnlySpan<ushort> values, ushort limit)
    {
        var index = 0;
        fixed (ushort* pointer = values)
        {
            var (mask, limits) = (Vector512.Create((ushort)0x7FFF), Vector512.Create(limit));
            while (index <= values.Length - Vector512<ushort>.Count
                && !Vector512.GreaterThanOrEqualAny(Vector512.Load(pointer + index) & mask, limits))
            {
                index += Vector512<ushort>.Count;
            }
        }

        while (index < values.Length && (values[index] & 0x7FFF) < limit)
        {
            index++;
        }

        return index < values.Length ? index : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int IndexOf32(ReadOnlySpan<uint> values, uint limit)
    {
        var index = 0;
        fixed (uint* pointer = values)
        {
            var (mask, limits) = (Vector512.Create(0x7FFF_FFFFu), Vector512.Create(limit));
            while (index <= values.Length - Vector512<uint>.Count
                && !Vector512.GreaterThanOrEqualAny(Vector512.Load(pointer + index) & mask, limits))
            {
                index += Vector512<uint>.Count;
            }
        }

        while (index < values.Length && (values[index] & 0x7FFF_FFFF) < limit)
        {
            index++;
        }

        return index < values.Length ? index : -1;
    }

    /// <summary>The index in every dimension, for example <c>[12, 7]</c>.</summary>
    private static string Position(TensorInfo tensor, long flat)
    {
        var indices = new long[tensor.Shape.Length];
        for (var dimension = indices.Length - 1; dimension >= 0; dimension--)
        {
            (flat, indices[dimension]) = Math.DivRem(flat, tensor.Shape[dimension]);
        }

        return $"[{string.Join(", ", indices)}]";
    }
}
