using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>How an element of the cache becomes a number and back; 16 at a time.</summary>
internal unsafe interface IKeyValueElement
{
    static abstract int Size { get; }

    static abstract CacheType Type { get; }

    static abstract void Store(Vector512<float> value, byte* destination, KeyValueScale scale);

    /// <summary>As a prompt reads it: rounded to the model's type.</summary>
    static abstract Vector512<float> LoadPrefill(byte* source, Vector512<float> scale, Vector512<float> offset);
}

/// <summary>The model's own 16-bit type.</summary>
internal readonly unsafe struct HalfElement<T> : IKeyValueElement
    where T : struct, IHalfType
{
    public static int Size => sizeof(ushort);

    public static CacheType Type => typeof(T) == typeof(BFloat16Type) ? CacheType.BFloat16 : CacheType.Float16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, byte* destination, KeyValueScale scale) => T.Store(value, (ushort*)destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadPrefill(byte* source, Vector512<float> scale, Vector512<float> offset) => T.Load((ushort*)source);
}

/// <summary>int8: unsigned bytes with an offset of 128.</summary>
internal readonly unsafe struct ByteElement<T> : IKeyValueElement
    where T : struct, IHalfType
{
    public static int Size => 1;

    public static CacheType Type => CacheType.Int8;

    /// <summary>round_even((x − zp) / scale + 128) within 0 to 255; NaN gives 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, byte* destination, KeyValueScale scale)
    {
        var quotient = ((value - Vector512.Create(scale.ZeroPoint)) / Vector512.Create(scale.Scale)) + Vector512.Create(128f);
        quotient = Vector512.ConditionalSelect(Vector512.Equals(quotient, quotient), quotient, Vector512<float>.Zero);
        var whole = Vector512.Round(Vector512.Min(Vector512.Max(quotient, Vector512<float>.Zero), Vector512.Create(255f)));
        var words = Vector512.ConvertToInt32(whole).AsUInt32();
        var halves = Vector256.Narrow(words.GetLower(), words.GetUpper());
        Vector128.Narrow(halves.GetLower(), halves.GetUpper()).Store(destination);
    }

    /// <summary>As a decoding step has it; see <see cref="CachedTokens.Offset"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadDecode(byte* source, Vector512<float> scale, Vector512<float> offset)
    {
        // 32768 + byte, exactly: the byte in the last bits of the mantissa, as the engine builds it.
        var (low, high) = Vector128.Widen(Vector128.Load(source));
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        var bytes = Vector512.ConvertToSingle(Vector512.Create(Vector256.Create(a, b), Vector256.Create(c, d)).AsInt32());
        return Vector512.FusedMultiplyAdd(bytes + Vector512.Create(32768f), scale, offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadPrefill(byte* source, Vector512<float> scale, Vector512<float> offset) =>
        T.Round(LoadDecode(source, scale, offset));
}
