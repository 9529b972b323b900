using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// Float16 values kept in float32 lanes, sixteen at a time: the arithmetic of a float16 model on a CPU, whose own float16 products are hundreds
/// of times slower. Sixteen lanes on every machine, so that sums over lanes have one order everywhere.
/// </summary>
public static unsafe class Float16Lanes
{
    public const int Width = 16;

    private const uint SignMask = 0x8000_0000;
    private const uint ExponentMask = 0x7f80_0000;

    // Halfway between 65504, the largest float16, and 65536: ties to even go up, to infinity.
    private const float Overflow = 65520f;

    private const uint SmallestNormalExponent = 113u << 23;
    private const uint LargestExponent = 143u << 23;
    private const uint LostBits = 13u << 23;

    /// <summary>
    /// Rounds to the nearest float16, ties to even; subnormals, infinities and NaN as IEEE binary16 has them.
    /// </summary>
    /// <remarks>
    /// Adding 2^13 times the value's own power of two leaves exactly float16's 11 significant bits (the last bit of the sum weighs 2^(e−10)), and
    /// subtracting it again is exact. Below 2^-14 the step stays 2^-24, as float16's does.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> value)
    {
        var sign = value.AsUInt32() & Vector512.Create(SignMask);
        var magnitude = (value.AsUInt32() ^ sign).AsSingle();
        var exponent = magnitude.AsUInt32() & Vector512.Create(ExponentMask);
        exponent = Vector512.Min(Vector512.Max(exponent, Vector512.Create(SmallestNormalExponent)), Vector512.Create(LargestExponent));
        var magic = (exponent + Vector512.Create(LostBits)).AsSingle();
        var rounded = (magnitude + magic) - magic;
        rounded = Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(Overflow)), Vector512.Create(float.PositiveInfinity), rounded);
        return (rounded.AsUInt32() | sign).AsSingle();
    }

    public static float Round(float value) => (float)(Half)value;

    /// <summary>Sixteen float16 values as float32, exactly; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Half* source)
    {
        var (low, high) = Vector256.Widen(Vector256.Load((ushort*)source));
        var half = Vector512.Create(low, high);
        var sign = (half & Vector512.Create(0x8000u)) << 16;
        var magnitude = (half & Vector512.Create(0x7fffu)) << 13;

        // The exponents' biases differ by 112; infinity and NaN need 112 more. A subnormal is 2^-14 · 1.m less 2^-14.
        var normal = magnitude + Vector512.Create(112u << 23);
        var special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7c00u << 13));
        normal = Vector512.ConditionalSelect(special, normal + Vector512.Create(112u << 23), normal);
        var subnormal = (magnitude + Vector512.Create(SmallestNormalExponent)).AsSingle() - Vector512.Create(SmallestNormalExponent).AsSingle();
        var isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(1u << 23));
        return (Vector512.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), normal) | sign).AsSingle();
    }

    /// <summary>Stores sixteen values that are float16 values already (see <see cref="Round(Vector512{float})"/>) as float16; NaN becomes infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, Half* destination)
    {
        var bits = value.AsUInt32();
        var sign = (bits >>> 16) & Vector512.Create(0x8000u);
        var magnitude = bits & ~Vector512.Create(SignMask);
        var normal = (magnitude - Vector512.Create(112u << 23)) >>> 13;
        normal = Vector512.Min(normal, Vector512.Create(0x7c00u));

        // 0.5 has 2^-24 as its last bit, float16's subnormal step: the sum's low bits count the steps.
        var half = Vector512.Create(0.5f);
        var subnormal = (magnitude.AsSingle() + half).AsUInt32() - half.AsUInt32();
        var isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(SmallestNormalExponent));
        var result = Vector512.ConditionalSelect(isSubnormal, subnormal, normal) | sign;
        Vector256.Narrow(result.GetLower(), result.GetUpper()).Store((ushort*)destination);
    }

    /// <summary>Widens <paramref name="count"/> values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load(Half* source, float* destination, nint count)
    {
        nint i = 0;
        for (; i <= count - Width; i += Width)
        {
            Load(source + i).Store(destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (float)source[i];
        }
    }

    /// <summary>Stores <paramref name="count"/> values that are float16 values already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(float* source, Half* destination, nint count)
    {
        nint i = 0;
        for (; i <= count - Width; i += Width)
        {
            Store(Vector512.Load(source + i), destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (Half)source[i];
        }
    }

    /// <summary>Widens rows that lie one after the other into rows <paramref name="stride"/> floats apart.</summary>
    public static void LoadRows(Half* source, float* destination, nint stride, int rows, int channels)
    {
        for (var row = 0; row < rows; row++)
        {
            Load(source + ((nint)row * channels), destination + (row * stride), channels);
        }
    }

    /// <summary>Stores rows <paramref name="stride"/> floats apart, float16 values already, one after the other.</summary>
    public static void StoreRows(float* source, nint stride, Half* destination, int rows, int channels)
    {
        for (var row = 0; row < rows; row++)
        {
            Store(source + (row * stride), destination + ((nint)row * channels), channels);
        }
    }

    /// <summary>Rounds <paramref name="count"/> values to float16; NaN becomes infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RoundSingle(float* source, Half* destination, nint count)
    {
        nint i = 0;
        for (; i <= count - Width; i += Width)
        {
            Store(Round(Vector512.Load(source + i)), destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (Half)source[i];
        }
    }

    /// <summary>As <see cref="RoundSingle"/>, from bfloat16: the upper halves of float32 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RoundBFloat16(ushort* source, Half* destination, nint count)
    {
        nint i = 0;
        for (; i <= count - Width; i += Width)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(source + i));
            Store(Round((Vector512.Create(low, high) << 16).AsSingle()), destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (Half)BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    /// <summary>The sum of the lanes, always in the same order: halves, quarters, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> lanes)
    {
        var eight = lanes.GetLower() + lanes.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> lanes)
    {
        var eight = Vector256.Max(lanes.GetLower(), lanes.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[2]), MathF.Max(four[1], four[3]));
    }
}
