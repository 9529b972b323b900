using System.Numerics;
using System.Numerics.Tensors;
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
        var left = Read(a, start, count);
        var right = Read(b, start, count);
        var partial = new PartialDifference();
        if (a.DType == b.DType)
        {
            (partial.Differing, partial.First) = a.DType.ByteSize() switch
            {
                1 => Count<byte>(left, right),
                2 => Count<ushort>(left, right),
                4 => Count<uint>(left, right),
                _ => Count<ulong>(left, right),
            };
        }

        if (IsFloat(a.DType))
        {
            AddErrors(Widen(a.DType, left, count), Widen(b.DType, right, count), ref partial, countToo: a.DType != b.DType);
        }
        else
        {
            AddErrors(a.DType, left, right, count, ref partial);
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
            DType.F16 or DType.BF16 or DType.F32 => Numbers.Text(Widen(tensor.DType, bytes, 1)[0]),
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

    private static float[] Widen(DType type, ReadOnlySpan<byte> bytes, int count)
    {
        var values = GC.AllocateUninitializedArray<float>(count);
        switch (type)
        {
            case DType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case DType.BF16:
                var words = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < count; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
                }

                break;
            default:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                break;
        }

        return values;
    }

    private static void AddErrors(float[] a, float[] b, ref PartialDifference partial, bool countToo)
    {
        // Runs short enough for float32 sums to lose nothing that matters, whatever the vector width.
        const int Run = 4096;
        for (var start = 0; start < a.Length; start += Run)
        {
            var count = Math.Min(Run, a.Length - start);
            var (error, energy, largest) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
            var left = a.AsSpan(start, count);
            var right = b.AsSpan(start, count);
            var i = 0;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                var (x, y) = (new Vector<float>(left[i..]), new Vector<float>(right[i..]));
                // Equal bits have no difference, infinities and NaN too.
                var same = Vector.Equals(Vector.AsVectorInt32(x), Vector.AsVectorInt32(y));
                var difference = Vector.ConditionalSelect(same, Vector<float>.Zero, Vector.Abs(y - x));
                error += difference * difference;
                energy += x * x;
                largest = Vector.Max(largest, difference);
            }

            partial.Error += Vector.Sum(error);
            partial.Energy += Vector.Sum(energy);
            for (var lane = 0; lane < Vector<float>.Count; lane++)
            {
                partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, largest[lane]);
            }

            for (; i < count; i++)
            {
                var difference = BitConverter.SingleToInt32Bits(left[i]) == BitConverter.SingleToInt32Bits(right[i]) ? 0 : Math.Abs(right[i] - left[i]);
                partial.Error += difference * (double)difference;
                partial.Energy += left[i] * (double)left[i];
                partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, difference);
            }
        }

        partial.IsUnknown |= double.IsNaN(partial.Error);
        if (countToo)
        {
            (partial.Differing, partial.First) = Count<uint>(MemoryMarshal.AsBytes(a.AsSpan()), MemoryMarshal.AsBytes(b.AsSpan()));
        }
    }

    private static void AddErrors(DType type, byte[] a, byte[] b, int count, ref PartialDifference partial)
    {
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
