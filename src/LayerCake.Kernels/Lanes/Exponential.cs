using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// exp in float32, at most one unit in the last place off. Our own, because the C library's and the runtime's differ between systems in the last bit, and the
/// same model and samples shall give the same statistics on every CPU.
/// </summary>
public static class Exponential
{
    private const float Log2E = 1.44269504f;

    // ln 2 in two parts: n · High is exact for every n that occurs.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    // Beyond these the result leaves float32's normal range. After rounding to float16 nothing of it would be left anyway.
    private const float Least = -87.3f;
    private const float Most = 88.3f;

    /// <summary>
    /// exp(x) = 2^n · exp(r) with r = x − n·ln 2 in ±ln 2 / 2, and the minimax polynomial of degree 5 for (exp(r) − 1 − r) / r² of the Cephes library.
    /// NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        // The constants come first: the native minimum and maximum give the second operand where one is NaN.
        var clamped = Vector512.MinNative(Vector512.Create(Most), Vector512.MaxNative(Vector512.Create(Least), x));

        // Adding 1.5 · 2^23 rounds to an integer and leaves it in the low bits.
        var magic = Vector512.Create(12582912f);
        var shifted = Vector512.FusedMultiplyAdd(clamped, Vector512.Create(Log2E), magic);
        var n = shifted - magic;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);

        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;

        var scale = (shifted.AsInt32() << 23) + Vector512.Create(127 << 23);
        return p * scale.AsSingle();
    }
}
