using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Models;

namespace LayerCake.Torch.Kernels;

/// <summary>
/// Cosines and sines of the rotary embedding for positions 0 to <see cref="Length"/> − 1, [position][head dimension / 2], rounded to float16 as the
/// modelling code's cache is when it meets float16 queries. Both halves of a head share them.
/// </summary>
internal sealed class RotaryTable
{
    private readonly float[] _cosines;
    private readonly float[] _sines;

    public RotaryTable(ModelConfiguration configuration, int length)
    {
        Length = length;
        Half = configuration.HeadDimension / 2;
        _cosines = new float[(long)length * Half];
        _sines = new float[(long)length * Half];
        var frequencies = InverseFrequencies(configuration, length);
        var positionScale = configuration.RopeScaling.Kind == RopeScalingKind.Linear ? (float)configuration.RopeScaling.Factor : 1f;
        for (var position = 0; position < length; position++)
        {
            for (var i = 0; i < Half; i++)
            {
                // The angle is rounded to float32 as in the original; its cosine is not worth a float32 function that differs between systems.
                double angle = position / positionScale * frequencies[i];
                _cosines[(position * Half) + i] = (float)(System.Half)(float)Math.Cos(angle);
                _sines[(position * Half) + i] = (float)(System.Half)(float)Math.Sin(angle);
            }
        }
    }

    public int Length { get; }

    /// <summary>Half of the head dimension.</summary>
    public int Half { get; }

    public ReadOnlySpan<float> Cosines => _cosines;

    public ReadOnlySpan<float> Sines => _sines;

    /// <summary>
    /// Rotates all heads of consecutive positions from 0 on: y = f16(f16(x · cos) + f16(rotate_half(x) · sin)), where rotate_half swaps the halves of a head and
    /// negates the first.
    /// </summary>
    public unsafe void Apply(float* x, int rows, nint stride, int heads)
    {
        fixed (float* cosines = _cosines)
        fixed (float* sines = _sines)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var head = 0; head < heads; head++)
                {
                    var low = x + (row * stride) + (head * 2 * Half);
                    Rotate(low, low + Half, cosines + ((long)row * Half), sines + ((long)row * Half));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe void Rotate(float* low, float* high, float* cosines, float* sines)
    {
        var i = 0;
        for (; i <= Half - Float16Lanes.Width; i += Float16Lanes.Width)
        {
            var (a, b, cosine, sine) = (Vector512.Load(low + i), Vector512.Load(high + i), Vector512.Load(cosines + i), Vector512.Load(sines + i));
            Float16Lanes.Round(Float16Lanes.Round(a * cosine) - Float16Lanes.Round(b * sine)).Store(low + i);
            Float16Lanes.Round(Float16Lanes.Round(b * cosine) + Float16Lanes.Round(a * sine)).Store(high + i);
        }

        for (; i < Half; i++)
        {
            var (a, b) = (low[i], high[i]);
            low[i] = Float16Lanes.Round(Float16Lanes.Round(a * cosines[i]) - Float16Lanes.Round(b * sines[i]));
            high[i] = Float16Lanes.Round(Float16Lanes.Round(b * cosines[i]) + Float16Lanes.Round(a * sines[i]));
        }
    }

    private static float[] InverseFrequencies(ModelConfiguration configuration, int length)
    {
        var dimension = configuration.HeadDimension;
        var theta = configuration.RopeTheta;
        if (configuration.RopeScaling.Kind == RopeScalingKind.Dynamic && length > configuration.MaxPositionEmbeddings)
        {
            // Dynamic NTK: base · (factor · length / trained − (factor − 1)) ^ (d / (d − 2)).
            var factor = configuration.RopeScaling.Factor;
            theta *= Math.Pow((factor * length / configuration.MaxPositionEmbeddings) - (factor - 1), dimension / (dimension - 2.0));
        }

        var frequencies = new float[dimension / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = 1f / (float)Math.Pow(theta, (float)(2 * i) / dimension);
        }

        return frequencies;
    }
}
