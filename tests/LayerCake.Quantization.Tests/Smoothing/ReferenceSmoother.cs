namespace LayerCake.Quantization.Tests.Smoothing;

/// <summary>The slow, obvious form of the smoothing factors, in float16 step by step.</summary>
internal static class ReferenceSmoother
{
    public static Half[] Importance(Half[] values, int rows, int columns, int groupSize)
    {
        var sums = new double[columns];
        for (var row = 0; row < rows; row++)
        {
            for (var group = 0; group < columns; group += groupSize)
            {
                var magnitudes = values.AsSpan((row * columns) + group, groupSize).ToArray().Select(Half.Abs).ToArray();
                var largest = magnitudes.Max();
                for (var i = 0; i < groupSize && largest > Half.Zero; i++)
                {
                    sums[group + i] += (double)(Half)((float)magnitudes[i] / (float)largest);
                }
            }
        }

        return Array.ConvertAll(sums, sum => (Half)((float)sum / rows));
    }

    public static Half[] Scales(Half[] absMax, Half[] importance)
    {
        var alive = Enumerable.Range(0, absMax.Length).Where(i => absMax[i] != Half.Zero && importance[i] != Half.Zero).ToArray();
        var scales = Enumerable.Repeat(Half.One, absMax.Length).ToArray();
        foreach (var i in alive)
        {
            scales[i] = Half.Min(Half.Sqrt(absMax[i]) / Half.Sqrt(importance[i]), Half.MaxValue);
        }

        if (alive.Length == 0)
        {
            return scales;
        }

        var (largest, smallest) = (alive.Max(i => scales[i]), alive.Min(i => scales[i]));
        var product = largest * smallest;
        var divisor = Half.IsInfinity(product) ? (Half)MathF.Sqrt((float)largest * (float)smallest) : Half.Sqrt(product);
        foreach (var i in alive)
        {
            scales[i] /= divisor;
        }

        return scales;
    }
}
