namespace LayerCake.Quantization;

/// <summary>
/// Statistics of one activation tensor per channel, merged sample by sample in float16 as LMDeploy v0.1.0's observer does:
/// extremes are exact and carry NaN on; running means are rounded to float16 three times per sample.
/// </summary>
public sealed class ActivationStatistics
{
    /// <summary>Statistics before the first sample: max −inf, min +inf, the rest 0.</summary>
    public ActivationStatistics(int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        Max = new Half[channels];
        Min = new Half[channels];
        Mean = new Half[channels];
        AbsMax = new Half[channels];
        AbsMean = new Half[channels];
        Array.Fill(Max, Half.NegativeInfinity);
        Array.Fill(Min, Half.PositiveInfinity);
    }

    /// <summary>Finished statistics, as a file holds them; all arrays have one element per channel and are kept, not copied.</summary>
    public ActivationStatistics(Half[] max, Half[] min, Half[] mean, Half[] absMax, Half[] absMean)
    {
        ArgumentNullException.ThrowIfNull(max);
        ArgumentNullException.ThrowIfNull(min);
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(absMax);
        ArgumentNullException.ThrowIfNull(absMean);
        if (min.Length != max.Length || mean.Length != max.Length || absMax.Length != max.Length || absMean.Length != max.Length)
        {
            throw new ArgumentException("The five statistics of a module must have the same number of channels.");
        }

        (Max, Min, Mean, AbsMax, AbsMean) = (max, min, mean, absMax, absMean);
    }

    public int Channels => Max.Length;

    /// <summary>Samples merged so far; 0 for statistics read from a file, which does not hold it.</summary>
    public int SampleCount { get; private set; }

    public Half[] Max { get; }

    public Half[] Min { get; }

    public Half[] Mean { get; }

    public Half[] AbsMax { get; }

    public Half[] AbsMean { get; }

    /// <summary>
    /// Merges one sample. Each span has one float16 per channel, already reduced over the sample's tokens;
    /// the means are the sample's own, rounded to float16.
    /// </summary>
    public void Update(ReadOnlySpan<Half> max, ReadOnlySpan<Half> min, ReadOnlySpan<Half> mean, ReadOnlySpan<Half> absMax, ReadOnlySpan<Half> absMean)
    {
        Extremes.MergeMax(Max, max);
        Extremes.MergeMin(Min, min);
        Extremes.MergeMax(AbsMax, absMax);
        MergeMean(Mean, mean, SampleCount);
        MergeMean(AbsMean, absMean, SampleCount);
        SampleCount++;
    }

    /// <summary>m ← f16(f16(f16(m·n) + c) / (n+1)): the float16 tensor arithmetic of the original, each operation rounded.</summary>
    private static void MergeMean(Span<Half> running, ReadOnlySpan<Half> sample, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sample.Length, running.Length);

        // PyTorch turns the Python integers n and n + 1 into float32 scalars for a float16 tensor on the CPU.
        float before = count;
        var after = before + 1;
        for (var i = 0; i < running.Length; i++)
        {
            var product = (Half)((float)running[i] * before);
            var sum = (Half)((float)product + (float)sample[i]);
            running[i] = (Half)((float)sum / after);
        }
    }
}
