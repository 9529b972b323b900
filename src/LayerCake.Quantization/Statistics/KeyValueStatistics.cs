namespace LayerCake.Quantization;

/// <summary>Extremes of one layer's cached keys or values, [heads, head dimension] in float16, merged exactly over samples.</summary>
public sealed class KeyValueStatistics
{
    /// <summary>Statistics before the first sample: max −inf, min +inf, absmax 0.</summary>
    public KeyValueStatistics(int heads, int headDimension)
        : this(heads, headDimension, new Half[heads * headDimension], new Half[heads * headDimension], new Half[heads * headDimension])
    {
        Array.Fill(Max, Half.NegativeInfinity);
        Array.Fill(Min, Half.PositiveInfinity);
    }

    /// <summary>Finished statistics, as a file holds them; the arrays are kept, not copied.</summary>
    public KeyValueStatistics(int heads, int headDimension, Half[] max, Half[] min, Half[] absMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headDimension, 1);
        ArgumentNullException.ThrowIfNull(max);
        ArgumentNullException.ThrowIfNull(min);
        ArgumentNullException.ThrowIfNull(absMax);
        var elements = checked(heads * headDimension);
        if (max.Length != elements || min.Length != elements || absMax.Length != elements)
        {
            throw new ArgumentException($"The statistics of {heads} heads of {headDimension} need {elements} elements each.");
        }

        (Heads, HeadDimension, Max, Min, AbsMax) = (heads, headDimension, max, min, absMax);
    }

    /// <summary>Key and value heads, before they are repeated for grouped queries.</summary>
    public int Heads { get; }

    public int HeadDimension { get; }

    /// <summary>Row-major [heads, head dimension], as <see cref="Min"/> and <see cref="AbsMax"/>.</summary>
    public Half[] Max { get; }

    public Half[] Min { get; }

    public Half[] AbsMax { get; }

    /// <summary>Merges one sample, already reduced over its tokens: [heads, head dimension] each.</summary>
    public void Update(ReadOnlySpan<Half> max, ReadOnlySpan<Half> min, ReadOnlySpan<Half> absMax)
    {
        Extremes.MergeMax(Max, max);
        Extremes.MergeMin(Min, min);
        Extremes.MergeMax(AbsMax, absMax);
    }
}
