using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Checkpoints;

namespace LayerCake.Reporting;

/// <summary>Compares pieces of two tensors of one shape, element by element.</summary>
internal static class ElementComparer
{
    /// <summary>Bytes read of each side at a time.</summary>
    public const int PieceBytes = 4 << 20;

    /// <summary>Whether the two types have differences: the same type, or two of float16, bfloat16 and float32.</summary>
    public static bool CanCompare(DType a, DType b) => a == b ? a.BitSize() % 8 == 0 : IsFloat(a) && IsFloat(b);

    /// <summary>Compares <paramref name="count"/> elements from <paramref name="start"/> on.</summary>
    public static PartialDifference Compare(TensorContent a, TensorContent b, long start, int count)
    {
        var pool = ArrayPool<byte>.Shared;
        var (sizeA, sizeB) = (a.DType.ByteSize(), b.DType.ByteSize());
        var (bufferA, bufferB) = (pool.Rent(count * sizeA), pool.Rent(count * sizeB));
        try
        {
            var left = bufferA.AsSpan(0, count * sizeA);
            var right = bufferB.AsSpan(0, count * sizeB);
            a.Read(start * sizeA, left);
            b.Read(start * sizeB, right);
            return Compare(a.DType, left, b.DType, right, start);
        }
        finally
        {
            pool.Return(bufferA);
            pool.Return(bufferB);
        }
    }

    private static PartialDifference Compare(DType typeA, ReadOnlySpan<byte> left, DType typeB, ReadOnlySpan<byte> right, long start)
    {
        var partial = new PartialDifference();
        if (typeA == typeB)
        {
            (partial.Differing, partial.First) = typeA.ByteSize() switch
            {
                1 => Count<byte>(left, right),
                2 => Count<ushort>(left, right),
                4 => Count<uint>(left, right),
                _ => Count<ulong>(left, right),
            };
        }

        if (IsFloat(typeA))
        {
            AddErrors(typeA, left, typeB, right, ref partial);
        }
        else
        {
            AddErrors(typeA, left, right, ref partial);
        }

        if (partial.First >= 0)
        {
            partial.First += start;
        }

        return partial;
    }

    /// <summary>One element as text.</summary>
    public static string Text(TensorContent tensor, long index)
    {
        var bytes = Read(tensor, index, 1);
        return tensor.DType switch
        {
            DType.F16 or DType.BF16 or DType.F32 => Numbers.Text(Widened(tensor.DType, bytes)),
            _ => TryNumber(tensor.DType, bytes, 0, out var value) ? Numbers.Text(value) : "0x" + Convert.ToHexStringLower(bytes),
        };
    }

    private static bool IsFloat(DType type) => type is DType.F16 or DType.BF16 or DType.F32;

    private static byte[] Read(TensorContent tensor, long start, int count)
    {
        var size = tensor.DType.ByteSize();
        var bytes = GC.AllocateUninitializedArray<byte>(count * size);
        tensor.Read(start * size, bytes);
        return bytes;
    }

    private static (long Differing, long First) Count<T>(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
        where T : unmanaged, IEquatable<T>
    {
        var a = MemoryMarshal.Cast<byte, T>(left);
        var b = MemoryMarshal.Cast<byte, T>(right);
        var first = a.CommonPrefixLength(b);
        if (first == a.Length)
        {
            return (0, -1);
        }

        long equal = first;
        var i = first;
        for (; i <= a.Length - Vector256<T>.Count; i += Vector256<T>.Count)
        {
            equal += BitOperations.PopCount(Vector256.Equals(Vector256.Create(a[i..]), Vector256.Create(b[i..])).ExtractMostSignificantBits());
        }

        for (; i < a.Length; i++)
        {
            equal += a[i].Equals(b[i]) ? 1 : 0;
        }

        return (a.Length - equal, first);
    }

    private static float Widened(DType type, ReadOnlySpan<byte> bytes)
    {
        Span<float> value = stackalloc float[1];
        Widen(type, bytes, value);
        return value[0];
    }

    private static void Widen(DType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (type)
        {
            case DType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case DType.BF16:
                var words = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
                }

                break;
            default:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                break;
        }
    }

    [SkipLocalsInit]
    private static void AddErrors(DType typeA, ReadOnlySpan<byte> a, DType typeB, ReadOnlySpan<byte> b, ref PartialDifference partial)
    {
        // Runs short enough for the first-level cache, and for float32 sums to lose nothing that matters.
        const int Run = 2048;
        Span<float> widenedA = stackalloc float[Run];
        Span<float> widenedB = stackalloc float[Run];
        var (sizeA, sizeB) = (typeA.ByteSize(), typeB.ByteSize());
        var length = a.Length / sizeA;
        for (var start = 0; start < length; start += Run)
        {
            var count = Math.Min(Run, length - start);
            Span<float> left = widenedA[..count];
            Span<float> right = widenedB[..count];
            Widen(typeA, a.Slice(start * sizeA, count * sizeA), left);
            Widen(typeB, b.Slice(start * sizeB, count * sizeB), right);
            if (typeA != typeB)
            {
                var (differing, first) = Count<uint>(MemoryMarshal.AsBytes(left), MemoryMarshal.AsBytes(right));
                partial.Differing += differing;
                partial.First = partial.First < 0 && first >= 0 ? start + first : partial.First;
            }

            AddRun(left, right, ref partial);
        }

        partial.IsUnknown |= double.IsNaN(partial.Error);
    }

    private static void AddRun(ReadOnlySpan<float> left, ReadOnlySpan<float> right, ref PartialDifference partial)
    {
        // 256 bits on every processor: the sums do not depend on the width of its vectors.
        var (error, energy, largest) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var i = 0;
        for (; i <= left.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var (x, y) = (Vector256.Create(left[i..]), Vector256.Create(right[i..]));
            // Equal bits have no difference, infinities and NaN too.
            var same = Vector256.Equals(x.AsInt32(), y.AsInt32()).AsSingle();
            var difference = Vector256.AndNot(Vector256.Abs(y - x), same);
            error += difference * difference;
            energy += x * x;
            largest = Vector256.Max(largest, difference);
        }

        partial.Error += Vector256.Sum(error);
        partial.Energy += Vector256.Sum(energy);
        for (var lane = 0; lane < Vector256<float>.Count; lane++)
        {
            partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, largest[lane]);
        }

        for (; i < left.Length; i++)
        {
            var difference = BitConverter.SingleToInt32Bits(left[i]) == BitConverter.SingleToInt32Bits(right[i]) ? 0 : Math.Abs(right[i] - left[i]);
            partial.Error += difference * (double)difference;
            partial.Energy += left[i] * (double)left[i];
            partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, difference);
        }
    }

    private static void AddErrors(DType type, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ref PartialDifference partial)
    {
        var count = a.Length / type.ByteSize();
        for (var i = 0; i < count; i++)
        {
            if (!TryNumber(type, a, i, out var left) || !TryNumber(type, b, i, out var right))
            {
                partial.IsUnknown = true;
                return;
            }

            var difference = left.Equals(right) ? 0 : Math.Abs(right - left);
            partial.Error += difference * difference;
            partial.Energy += left * left;
            partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, difference);
        }
    }

    private static bool TryNumber(DType type, ReadOnlySpan<byte> bytes, int index, out double value)
    {
        (var known, value) = type switch
        {
            DType.F64 => (true, MemoryMarshal.Cast<byte, double>(bytes)[index]),
            DType.I8 => (true, (sbyte)bytes[index]),
            DType.U8 or DType.Bool => (true, bytes[index]),
            DType.I16 => (true, MemoryMarshal.Cast<byte, short>(bytes)[index]),
            DType.U16 => (true, MemoryMarshal.Cast<byte, ushort>(bytes)[index]),
            DType.I32 => (true, MemoryMarshal.Cast<byte, int>(bytes)[index]),
            DType.U32 => (true, MemoryMarshal.Cast<byte, uint>(bytes)[index]),
            DType.I64 => (true, MemoryMarshal.Cast<byte, long>(bytes)[index]),
            DType.U64 => (true, (double)MemoryMarshal.Cast<byte, ulong>(bytes)[index]),
            _ => (false, 0.0),
        };
        return known;
    }
}
