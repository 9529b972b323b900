using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// What lies between the products of a decoder layer, each operation rounded to float16 where the Transformers modelling code makes a float16 tensor.
/// Rows are padded to whole vectors with zeros, and every kernel keeps the padding zero.
/// </summary>
public static unsafe class Elementwise
{
    /// <summary>RMSNorm: x / sqrt(mean(x²) + ε) in float32, rounded, times the weight, rounded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RmsNorm(float* x, float* y, int rows, nint stride, int channels, float* weight, float epsilon)
    {
        for (var row = 0; row < rows; row++, x += stride, y += stride)
        {
            var squares = Vector512<float>.Zero;
            for (nint i = 0; i < stride; i += Float16Lanes.Width)
            {
                var value = Vector512.Load(x + i);
                squares = Vector512.FusedMultiplyAdd(value, value, squares);
            }

            var scale = Vector512.Create(1f / MathF.Sqrt((Float16Lanes.Sum(squares) / channels) + epsilon));
            for (nint i = 0; i < stride; i += Float16Lanes.Width)
            {
                var normed = Float16Lanes.Round(Vector512.Load(x + i) * scale);
                Float16Lanes.Round(normed * Vector512.Load(weight + i)).Store(y + i);
            }
        }
    }

    /// <summary>x ← f16(x + y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* x, float* y, nint count)
    {
        for (nint i = 0; i < count; i += Float16Lanes.Width)
        {
            Float16Lanes.Round(Vector512.Load(x + i) + Vector512.Load(y + i)).Store(x + i);
        }
    }

    /// <summary>gate ← f16(f16(silu(gate)) · up), silu(x) = x / (1 + exp(−x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGlu(float* gate, float* up, nint count)
    {
        for (nint i = 0; i < count; i += Float16Lanes.Width)
        {
            var x = Vector512.Load(gate + i);
            var silu = Float16Lanes.Round(x / (Vector512<float>.One + Exponential.Of(-x)));
            Float16Lanes.Round(silu * Vector512.Load(up + i)).Store(gate + i);
        }
    }
}
