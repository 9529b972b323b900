namespace LayerCake.Calibration;

/// <summary>Statistics of one activation of one sample, one float16 per channel.</summary>
internal sealed class SampleStatistics(int channels)
{
    public Half[] Max { get; } = new Half[channels];

    public Half[] Min { get; } = new Half[channels];

    public Half[] Mean { get; } = new Half[channels];

    public Half[] AbsMax { get; } = new Half[channels];

    public Half[] AbsMean { get; } = new Half[channels];

    public bool IsFinite => Array.TrueForAll(AbsMax, Half.IsFinite) && Array.TrueForAll(AbsMean, Half.IsFinite);
}
