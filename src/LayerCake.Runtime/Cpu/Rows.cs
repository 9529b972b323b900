using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>
/// What lies between the products of a layer: float32 arithmetic on values of the model's 16-bit type, rounded to it where the engine stores a tensor.
/// Row lengths are multiples of 16.
/// </summary>
internal static unsafe class Rows<T>
    where T : struct, IHalfType
{
    private const int Width = Float16Lanes.Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* from, float* to, nint count)
    {
        for (nint i = 0; i < count; i += Width)
        {
            T.Load(from + i).Store(to + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* x, nint count)
    {
        for (nint i = 0; i < count; i += Width)
        {
            T.Round(Vector512.Load(x + i)).Store(x + i);
        }
    }

    /// <summary>y = T(x · rsqrt(mean(x²) + ε) · w).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Norm(float* x, float* y, nint count, float* weight, float epsilon)
    {
        var squares = Vector512<float>.Zero;
        for (nint i = 0; i < count; i += Width)
        {
            var value = Vector512.Load(x + i);
            squares = Vector512.FusedMultiplyAdd(value, value, squares);
        }

        Scale(x, y, count, weight, Float16Lanes.Sum(squares), epsilon);
    }

    /// <summary>h ← T(h + a + b) and y = T(h · rsqrt(mean(…²) + ε) · w), where the squares are of the sum before it is rounded. b may be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddNorm(float* hidden, float* added, float* bias, float* y, nint count, float* weight, float epsilon)
    {
        var squares = Vector512<float>.Zero;
        for (nint i = 0; i < count; i += Width)
        {
            var sum = Vector512.Load(hidden + i) + Vector512.Load(added + i);
            if (bias != null)
            {
                sum += Vector512.Load(bias + i);
            }

            squares = Vector512.FusedMultiplyAdd(sum, sum, squares);
            T.Round(sum).Store(hidden + i);
        }

        Scale(hidden, y, count, weight, Float16Lanes.Sum(squares), epsilon);
    }

    /// <summary>x ← T(x + b).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddBias(float* x, float* bias, nint count)
    {
        for (nint i = 0; i < count; i += Width)
        {
            T.Round(Vector512.Load(x + i) + Vector512.Load(bias + i)).Store(x + i);
        }
    }

    /// <summary>Rotates neighbours: x'₂ᵢ = cos · x₂ᵢ − sin · x₂ᵢ₊₁, x'₂ᵢ₊₁ = cos · x₂ᵢ₊₁ + sin · x₂ᵢ, rounded once; then, if asked for, x ← T(x · logN).</summary>
    /// <param name="x">Heads of <paramref name="headSize"/> values.</param>
    /// <param name="cosines">Each cosine twice, <paramref name="headSize"/> of them.</param>
    /// <param name="sines">Each sine twice, the first of a pair negated.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rotate(float* x, int heads, int headSize, float* cosines, float* sines, float logN)
    {
        var swap = Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
        for (var head = 0; head < heads; head++, x += headSize)
        {
            for (nint i = 0; i < headSize; i += Width)
            {
                var value = Vector512.Load(x + i);
                var rotated = T.Round(Vector512.FusedMultiplyAdd(
                    Vector512.Shuffle(value, swap), Vector512.Load(sines + i), value * Vector512.Load(cosines + i)));
                (logN == 1f ? rotated : T.Round(rotated * Vector512.Create(logN))).Store(x + i);
            }
        }
    }

    /// <summary>gate ← silu(gate) ⊙ up, silu(x) = x / (1 + exp(−x)): rounded after silu too, but in the engine's fused int4 product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGlu(float* gate, float* up, nint count, bool fused)
    {
        for (nint i = 0; i < count; i += Width)
        {
            var x = Vector512.Load(gate + i);
            var silu = x / (Vector512<float>.One + Exponential.Of(-x));
            T.Round((fused ? silu : T.Round(silu)) * Vector512.Load(up + i)).Store(gate + i);
        }
    }

    private static void Scale(float* x, float* y, nint count, float* weight, float squares, float epsilon)
    {
        var scale = Vector512.Create(1f / MathF.Sqrt((squares / count) + epsilon));
        for (nint i = 0; i < count; i += Width)
        {
            T.Round(Vector512.Load(x + i) * scale * Vector512.Load(weight + i)).Store(y + i);
        }
    }
}
