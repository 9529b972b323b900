using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>bfloat16: the upper half of a float32.</summary>
public readonly unsafe struct BFloat16Type : IHalfType
{
    /// <summary>0x7FFF and the lowest kept bit carry exactly when the dropped half asks for it. NaN stays NaN.</summary>
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
