using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// AWQ's scale search for linears that read one input: channels are multiplied by s in the weights and divided by s before them, s = rms(x)^α · max|w|^−β
/// over a grid of exponents, and the s with the least error of the linears' outputs is taken.
/// </summary>
internal static unsafe class ScaleSearch
{
    private const int Width = WeightPanels.Width;

    /// <summary>The most that a channel is scaled up or down.</summary>
    private const float Most = 64;

    public static float[] Find(
        IReadOnlyList<WeightPanels> weights, Moments h, int groupSize, int steps, ClippingGrid clipping, Func<float[], float[]> realize, ParallelOptions options)
    {
        var inputs = weights[0].Inputs;
        var candidates = Candidates(Rms(h), Largest(weights), steps, realize);
        var costs = new double[weights.Sum(weight => weight.PanelCount)][];
        var panels = weights.SelectMany(weight => Enumerable.Range(0, weight.PanelCount).Select(panel => (weight, panel))).ToArray();
        Parallel.For(0, panels.Length, options, index =>
        {
            using var scratch = new FloatBuffer((3L * inputs * Width) + (2L * Width) + inputs);
            costs[index] = [.. candidates.Select(scales => Cost(panels[index].weight, panels[index].panel, h, groupSize, scales, clipping, scratch.Pointer))];
        });

        var best = Enumerable.Range(0, candidates.Count).MinBy(candidate => costs.Sum(panel => panel[candidate]));
        return candidates[best];
    }

    /// <summary>The scales that are tried: none first, then two for every exponent.</summary>
    /// <param name="rms">Of each channel.</param>
    /// <param name="largest">Largest magnitude of the weights that read it.</param>
    /// <param name="realize">What of wanted scales can be had.</param>
    public static List<float[]> Candidates(float[] rms, float[] largest, int steps, Func<float[], float[]> realize)
    {
        var candidates = new List<float[]> { Ones(rms.Length) };
        for (var step = 1; step <= steps; step++)
        {
            var alpha = (float)step / steps;
            candidates.Add(realize(Scales(rms, largest, alpha, 0)));
            candidates.Add(realize(Scales(rms, largest, alpha, 1 - alpha)));
        }

        return candidates;
    }

    public static float[] Ones(int count)
    {
        var ones = new float[count];
        Array.Fill(ones, 1f);
        return ones;
    }

    private static float[] Rms(Moments h) => [.. Enumerable.Range(0, h.Rows).Select(i => MathF.Sqrt(Math.Max(h.Row(i)[i], 0)))];

    private static float[] Largest(IReadOnlyList<WeightPanels> weights)
    {
        var largest = new float[weights[0].Inputs];
        foreach (var weight in weights)
        {
            for (var panel = 0; panel < weight.PanelCount; panel++)
            {
                var values = weight.Panel(panel);
                for (var i = 0; i < largest.Length; i++)
                {
                    for (var lane = 0; lane < Width; lane++)
                    {
                        largest[i] = Math.Max(largest[i], Math.Abs(values[((long)i * Width) + lane]));
                    }
                }
            }
        }

        return largest;
    }

    /// <summary>Normalised to √(max · min) = 1; channels that carry nothing keep 1.</summary>
    private static float[] Scales(float[] rms, float[] largest, float alpha, float beta)
    {
        var scales = new float[rms.Length];
        var (least, most) = (float.PositiveInfinity, 0f);
        for (var i = 0; i < scales.Length; i++)
        {
            if (rms[i] > 0 && largest[i] > 0)
            {
                scales[i] = MathF.Pow(rms[i], alpha) * MathF.Pow(largest[i], -beta);
                least = Math.Min(least, scales[i]);
                most = Math.Max(most, scales[i]);
            }
        }

        var middle = MathF.Sqrt(least) * MathF.Sqrt(most);
        for (var i = 0; i < scales.Length; i++)
        {
            scales[i] = scales[i] > 0 ? Math.Clamp(scales[i] / middle, 1 / Most, Most) : 1;
        }

        return scales;
    }

    private static double Cost(WeightPanels weight, int panel, Moments h, int groupSize, float[] scales, ClippingGrid clipping, float* scratch)
    {
        var inputs = weight.Inputs;
        var scaled = scratch;
        var image = scratch + ((long)inputs * Width);
        var importance = image + (2L * inputs * Width);
        var scale = importance + inputs;
        var zero = scale + Width;
        weight.ScaledPanel(panel, scales, scaled);
        for (var i = 0; i < inputs; i++)
        {
            importance[i] = h.Row(i)[i] / (scales[i] * scales[i]);
        }

        for (var begin = 0; begin < inputs; begin += groupSize)
        {
            GroupRange.Find(scaled + ((long)begin * Width), importance + begin, groupSize, clipping, scale, zero);
            GroupRange.Errors(scaled + ((long)begin * Width), groupSize, scale, zero);
        }

        for (var i = 0; i < inputs; i++)
        {
            var reciprocal = 1 / scales[i];
            for (var lane = 0; lane < Width; lane++)
            {
                scaled[((long)i * Width) + lane] *= reciprocal;
            }
        }

        return CoordinateDescent.QuadraticForm(scaled, h.Pointer, h.Stride, inputs, image);
    }
}
