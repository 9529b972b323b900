using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Weights;

/// <summary>Rounds finite values to float16: to nearest, ties to even.</summary>
internal static unsafe class HalfConversion
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromSingle(ReadOnlySpan<float> source, Span<Half> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length);
        fixed (float* from = source)
        fixed (Half* to = destination)
        {
            var i = 0;
            for (; i <= source.Length - HalfVectors.Width; i += HalfVectors.Width)
            {
                HalfVectors.Narrow(Vector512.Load(from + i), (ushort*)(to + i));
            }

            for (; i < source.Length; i++)
            {
                to[i] = (Half)from[i];
            }
        }
    }

    /// <param name="source">The upper halves of float32 values.</param>
    /// <param name="destination">As many elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromBFloat16(ReadOnlySpan<ushort> source, Span<Half> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length);
        fixed (ushort* from = source)
        fixed (Half* to = destination)
        {
            var i = 0;
            for (; i <= source.Length - HalfVectors.Width; i += HalfVectors.Width)
            {
                var wide = Vector512.WidenLower(Vector256.Load(from + i).ToVector512Unsafe()) << 16;
                HalfVectors.Narrow(wide.AsSingle(), (ushort*)(to + i));
            }

            for (; i < source.Length; i++)
            {
                to[i] = (Half)BitConverter.UInt32BitsToSingle((uint)from[i] << 16);
            }
        }
    }
}
