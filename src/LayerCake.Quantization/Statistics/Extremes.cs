namespace LayerCake.Quantization;

/// <summary>Elementwise merging of extremes; exact, and NaN on either side stays.</summary>
internal static class Extremes
{
    public static void MergeMax(Span<Half> running, ReadOnlySpan<Half> sample)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sample.Length, running.Length);
        for (var i = 0; i < running.Length; i++)
        {
            running[i] = Half.Max(running[i], sample[i]);
        }
    }

    public static void MergeMin(Span<Half> running, ReadOnlySpan<Half> sample)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sample.Length, running.Length);
        for (var i = 0; i < running.Length; i++)
        {
            running[i] = Half.Min(running[i], sample[i]);
        }
    }
}
