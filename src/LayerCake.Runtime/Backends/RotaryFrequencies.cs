using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>The rotary base of a sequence and its frequencies: angle(t, i) = t / θ^(2i / d).</summary>
internal static class RotaryFrequencies
{
    /// <summary>
    /// Dynamic NTK (<c>rope_scaling_factor</c> f of 1 or more): θ · s^(d / (d − 2)) with s = f · L / P − (f − 1) for a sequence that may grow to L tokens, more
    /// than the P the model was trained with. Shorter ones are not scaled; LMDeploy v0.1.0 scales them by f, its later releases do not.
    /// </summary>
    public static double Base(EngineConfiguration configuration, int longest)
    {
        var factor = configuration.RopeScalingFactor;
        var trained = configuration.MaxPositionEmbeddings;
        if (factor < 1 || trained <= 0 || longest <= trained)
        {
            return configuration.RopeTheta;
        }

        var scale = (factor * longest / trained) - (factor - 1);
        double dimension = configuration.RotaryEmbedding;
        return configuration.RopeTheta * Math.Pow(scale, dimension / (dimension - 2));
    }

    /// <summary>θ^(−2i / d) in float32, for i from 0 to d / 2 − 1.</summary>
    public static float[] Of(double theta, int dimension)
    {
        var frequencies = new float[dimension / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = (float)Math.Pow(theta, -2.0 * i / dimension);
        }

        return frequencies;
    }
}
