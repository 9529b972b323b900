using System.Runtime.CompilerServices;

namespace LayerCake.Quantization.Int4;

/// <summary>Scale and zero point of one group of weights: w ≈ (q − Zero) · Scale, q = round((w − Origin) / Divisor).</summary>
internal readonly struct GroupParameters
{
    private GroupParameters(float origin, float scale, float divisor, float zero)
    {
        Origin = origin;
        Scale = scale;
        Divisor = divisor;
        Zero = (int)zero;
    }

    /// <summary>The weight that code 0 stands for, before the zero point was rounded.</summary>
    public float Origin { get; }

    public float Scale { get; }

    /// <summary><see cref="Scale"/>, or 1 where that is 0.</summary>
    public float Divisor { get; }

    /// <summary>0 to 15.</summary>
    public int Zero { get; }

    /// <summary>
    /// The parameters for weights from <paramref name="min"/> to <paramref name="max"/>, LMDeploy v0.1.0's on the CPU bit for bit wherever
    /// its zero point fits four bits. Elsewhere (all weights of one sign, far from zero; all weights equal) the original writes
    /// zero points that damage their neighbours; here the range is widened to include zero, and a constant is stored exactly.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GroupParameters Of(float min, float max)
    {
        var scale = (max - min) / 15;
        var zero = Round(-min / scale);
        return scale > 0 && zero is >= 0 and <= 15 ? new(min, scale, scale, zero) : Widened(min, max);
    }

    private static GroupParameters Widened(float min, float max)
    {
        var constant = min == max;
        min = Math.Min(min, 0);
        max = Math.Max(max, 0);
        if (min == max)
        {
            return new(0, 0, 1, 0);
        }

        // A constant c is one step away from zero: (1 − 0) · c, or (0 − 1) · |c|; no rounding at all.
        var scale = constant ? max - min : (max - min) / 15;
        return new(min, scale, scale, Round(-min / scale));
    }

    /// <summary>sign(x) · floor(|x| + 0.5), the addition in float32: the original's rounding, ties away from zero.</summary>
    private static float Round(float value) => MathF.CopySign(MathF.Floor(MathF.Abs(value) + 0.5f), value);
}
