namespace LayerCake.Quantization.Smoothing;

/// <summary>The factor per channel that moves from activations into weights: √(absmax) / √(importance), normalised; all in float16.</summary>
internal static class SmoothingScales
{
    private static readonly float LargestHalf = (float)Half.MaxValue;

    /// <summary>
    /// Computes the factors. Channels that carry nothing (absmax 0, or all weights 0) get 1 and stay out of the normalisation:
    /// the original divides by zero there. Without such channels every bit is the original's.
    /// </summary>
    /// <param name="absMax">Largest magnitude of each input channel, checked to be finite and not negative.</param>
    /// <param name="importance">Of each input channel's weights.</param>
    public static Half[] Of(ReadOnlySpan<Half> absMax, ReadOnlySpan<Half> importance)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(importance.Length, absMax.Length);
        var scales = new Half[absMax.Length];
        var largest = 0f;
        var smallest = float.PositiveInfinity;
        for (var channel = 0; channel < scales.Length; channel++)
        {
            if (IsDead(absMax[channel], importance[channel]))
            {
                continue;
            }

            var ratio = (float)Root((float)absMax[channel]) / (float)Root((float)importance[channel]);
            var scale = Math.Min((float)(Half)ratio, LargestHalf);
            scales[channel] = (Half)scale;
            largest = Math.Max(largest, scale);
            smallest = Math.Min(smallest, scale);
        }

        var divisor = (float)Middle(largest, smallest);
        for (var channel = 0; channel < scales.Length; channel++)
        {
            scales[channel] = IsDead(absMax[channel], importance[channel]) ? Half.One : (Half)((float)scales[channel] / divisor);
        }

        return scales;
    }

    private static bool IsDead(Half absMax, Half importance) => absMax == Half.Zero || importance == Half.Zero;

    /// <summary>f16(√f16(max·min)); where the product leaves float16 the original gets infinity, here it is kept in float32.</summary>
    private static Half Middle(float largest, float smallest)
    {
        var product = largest * smallest;
        var rounded = (float)(Half)product;
        return Root(float.IsFinite(rounded) ? rounded : product);
    }

    private static Half Root(float value) => (Half)MathF.Sqrt(value);
}
