using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// Cosines and sines of the rotary embedding for positions 0 to <see cref="Length"/> − 1, [position][head dimension / 2], rounded to float16 as the
/// modelling code's cache is when it meets float16 queries. Both halves of a head share them.
/// </summary>
public sealed class RotaryTable
{
    private readonly float[] _cosines;
    private readonly float[] _sines;

    /// <param name="length">Positions.</param>
    /// <param name="inverseFrequencies">One for each pair of a head: half the head dimension.</param>
    /// <param name="positionScale">Positions are divided by it: linear scaling.</param>
    public RotaryTable(int length, ReadOnlySpan<float> inverseFrequencies, float positionScale = 1)
    {
        Length = length;
        Half = inverseFrequencies.Length;
        _cosines = new float[(long)length * Half];
        _sines = new float[(long)length * Half];
        for (var position = 0; position < length; position++)
        {
            for (var i = 0; i < Half; i++)
            {
                // The angle is rounded to float32 as in the original; its cosine is not worth a float32 function that differs between systems.
                double angle = position / positionScale * inverseFrequencies[i];
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
}
