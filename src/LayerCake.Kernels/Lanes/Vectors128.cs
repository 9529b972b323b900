using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>Four lanes: any processor.</summary>
internal readonly unsafe struct Vectors128 : IVectors<Vector128<float>>
{
    public static int Width => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float* source) => Vector128.Create(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* destination) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FusedMultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => Vector128.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Masked(uint* words, uint* mask) => Vector128.ConvertToSingle((Vector128.Load(words) & Vector128.Create(*mask)).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadFloat16(ushort* source)
    {
        // As Float16Lanes.Load has it.
        var half = Widen(source);
        var sign = (half & Vector128.Create(0x8000u)) << 16;
        var magnitude = (half & Vector128.Create(0x7fffu)) << 13;
        var normal = magnitude + Vector128.Create(112u << 23);
        var special = Vector128.GreaterThan(magnitude.AsInt32(), Vector128.Create((0x7c00 << 13) - 1)).AsUInt32();
        normal += special & Vector128.Create(112u << 23);
        var subnormal = (magnitude + Vector128.Create(113u << 23)).AsSingle() - Vector128.Create(113u << 23).AsSingle();
        var isSubnormal = Vector128.LessThan(magnitude.AsInt32(), Vector128.Create(1 << 23)).AsUInt32();
        return (Vector128.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), normal) | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadFiniteFloat16(ushort* source)
    {
        // Sign, exponent and mantissa in float32's places, times the power of two between the biases: right for normal and subnormal numbers alike.
        var half = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)source).AsInt16());
        return ((half << 13) & Vector128.Create(unchecked((int)0x8FFFE000))).AsSingle() * Vector128.Create((112 + 127) << 23).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBFloat16(ushort* source) => (Widen(source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBytes(byte* source) =>
        Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(*(uint*)source).AsByte())).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadShiftedBytes(byte* source) => LoadBytes(source) + Vector128.Create(32768f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Widen(ushort* source) => Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)source).AsUInt16());
}
