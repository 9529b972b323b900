using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Quantization.Numerics;

/// <summary>
/// Float16 in vectors of sixteen. The runtime offers no vector conversion of Half, so the bits are moved here;
/// without float32 subnormals on the way, which cost a hundred cycles each. Loops over these are compiled optimised at once
/// (AggressiveOptimization): small models are through before the runtime would have got round to it.
/// </summary>
internal static class HalfVectors
{
    /// <summary>Lanes of one step. Fixed, whatever the machine: sums over lanes must not depend on the hardware.</summary>
    public const int Width = 16;

    private const ushort InfinityBits = 0x7C00;

    // The exponent bias differs by 112; a float16 subnormal is read as 2^-14 · (1.m) minus 2^-14.
    private const uint BiasDifference = 112u << 23;
    private const uint SmallestNormal = 113u << 23;

    // 65520 and above rounds to infinity (ties to even).
    private const uint OverflowBits = 0x477FF000;

    // 0.5f: its unit in the last place is 2^-24, the step of float16 subnormals, so adding it rounds to that step.
    private const uint SubnormalMagic = 126u << 23;

    /// <summary>Sixteen finite float16 values as float32, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector512<float> Widen(ushort* source)
    {
        var half = Vector512.WidenLower(Vector256.Load(source).ToVector512Unsafe());
        var magnitude = (half & Vector512.Create(0x7FFFu)) << 13;
        var sign = (half & Vector512.Create(0x8000u)) << 16;
        var normal = magnitude + Vector512.Create(BiasDifference);
        var subnormal = (magnitude + Vector512.Create(SmallestNormal)).AsSingle() - Vector512.Create(SmallestNormal).AsSingle();
        var isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(1u << 23));
        return (Vector512.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), normal) | sign).AsSingle();
    }

    /// <summary>Sixteen float32 values to float16, ties to even, overflow to infinity. NaN is not kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Narrow(Vector512<float> value, ushort* destination)
    {
        var bits = value.AsUInt32();
        var sign = (bits & Vector512.Create(0x8000_0000u)) >>> 16;
        var magnitude = bits & Vector512.Create(0x7FFF_FFFFu);

        var tie = (magnitude >>> 13) & Vector512.Create(1u);
        var normal = (magnitude - Vector512.Create(BiasDifference - 0xFFF) + tie) >>> 13;
        var subnormal = (magnitude.AsSingle() + Vector512.Create(SubnormalMagic).AsSingle()).AsUInt32() - Vector512.Create(SubnormalMagic);
        var half = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(SmallestNormal)), subnormal, normal);
        half = Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(OverflowBits)), Vector512.Create((uint)InfinityBits), half);

        Vector512.Narrow(half | sign, half | sign).GetLower().Store(destination);
    }

    /// <summary>Rounds values of 0 to 65504 to float16's precision, staying in float32; ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundToHalf(Vector512<float> value)
    {
        // Adding 2^(e+13) to a value of exponent e leaves eleven significant bits; below 2^-14 the step stays that of float16 subnormals.
        var power = (value.AsUInt32() & Vector512.Create(0x7F80_0000u)).AsSingle();
        var magic = Vector512.Max(power, Vector512.Create(SmallestNormal).AsSingle()) * Vector512.Create(8192f);
        return value + magic - magic;
    }

    /// <summary>The index of the first infinity or NaN, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe long IndexOfNonFinite(ushort* values, long count)
    {
        long index = 0;
        var mask = Vector512.Create((ushort)0x7FFF);
        var infinity = Vector512.Create(InfinityBits);
        for (; index <= count - Vector512<ushort>.Count; index += Vector512<ushort>.Count)
        {
            if (Vector512.GreaterThanOrEqualAny(Vector512.Load(values + index) & mask, infinity))
            {
                break;
            }
        }

        for (; index < count; index++)
        {
            if ((values[index] & 0x7FFF) >= InfinityBits)
            {
                return index;
            }
        }

        return -1;
    }
}
