using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>A range of real numbers kept as integers of some bits, in the engine's way: x' = (q − 2^(bits−1)) · scale + zero point.</summary>
/// <param name="Scale">Of a step.</param>
/// <param name="ZeroPoint">The middle of the range; 0 for a symmetric one.</param>
/// <param name="Bits">8 or 4.</param>
internal readonly record struct IntegerRange(float Scale, float ZeroPoint, int Bits)
{
    /// <summary>The stored range of an int8 cache.</summary>
    public static IntegerRange Of(Int8Range range) => new(range.Scale, range.ZeroPoint, 8);

    /// <summary>
    /// The range from the smallest to the largest value, as kv_qparams finds it: scale = (max − min) / (2^bits − 1) around the middle, or symmetric
    /// max|x| / (2^(bits−1) − 1) around 0.
    /// </summary>
    public static IntegerRange Of((float Min, float Max) values, int bits, bool symmetric) => symmetric
        ? new(Math.Max(-values.Min, values.Max) / ((1 << (bits - 1)) - 1), 0, bits)
        : new((values.Max - values.Min) / ((1 << bits) - 1), (values.Max + values.Min) / 2, bits);

    /// <summary>What comes back of a value, rounded to float16: q = clamp(round_half_even((x − zp) / scale + 2^(bits−1)), 0, 2^bits − 1).</summary>
    public float Restore(float value)
    {
        if (Scale == 0)
        {
            return (float)(Half)ZeroPoint;
        }

        float half = 1 << (Bits - 1);
        var code = Math.Clamp(MathF.Round(((value - ZeroPoint) / Scale) + half), 0, (2 * half) - 1);
        return (float)(Half)(((code - half) * Scale) + ZeroPoint);
    }

    /// <summary>The same for sixteen values, with the same bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Restore(Vector512<float> values)
    {
        if (Scale == 0)
        {
            return Vector512.Create((float)(Half)ZeroPoint);
        }

        var half = Vector512.Create((float)(1 << (Bits - 1)));
        var (scale, zeroPoint) = (Vector512.Create(Scale), Vector512.Create(ZeroPoint));
        var code = Vector512.Round(((values - zeroPoint) / scale) + half);
        code = Vector512.Min(Vector512.Max(code, Vector512<float>.Zero), half + half - Vector512<float>.One);
        return Float16Lanes.Round(((code - half) * scale) + zeroPoint);
    }
}
