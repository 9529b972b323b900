using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>A 16-bit storage type whose values are computed with in float32 lanes. What is given to <see cref="Store"/> is rounded already.</summary>
internal unsafe interface IHalfType
{
    static abstract Vector512<float> Round(Vector512<float> value);

    static abstract Vector512<float> Load(ushort* source);

    static abstract void Store(Vector512<float> value, ushort* destination);
}

internal readonly unsafe struct Float16Type : IHalfType
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> value) => Float16Lanes.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* source) => Float16Lanes.Load((Half*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ushort* destination) => Float16Lanes.Store(value, (Half*)destination);
}

internal readonly unsafe struct BFloat16Type : IHalfType
{
    /// <summary>To nearest, ties to even: 0x7FFF and the lowest kept bit carry exactly when the dropped half asks for it. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One)) & Vector512.Create(0xFFFF0000u);
        return Vector512.ConditionalSelect(Vector512.Equals(value, value), rounded.AsSingle(), Vector512.Create(float.NaN));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* source)
    {
        var (low, high) = Vector256.Widen(Vector256.Load(source));
        return (Vector512.Create(low, high) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ushort* destination)
    {
        var bits = value.AsUInt32() >>> 16;
        Vector256.Narrow(bits.GetLower(), bits.GetUpper()).Store(destination);
    }
}
