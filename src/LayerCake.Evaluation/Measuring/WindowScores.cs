namespace LayerCake.Evaluation;

/// <summary>What one window gave for one variant.</summary>
internal sealed class WindowScores
{
    /// <summary>Positions are told apart in so many stretches of equal length.</summary>
    public const int Stretches = 8;

    /// <summary>−Σ log p(next token), natural logarithm, by stretch.</summary>
    public double[] NegativeLogLikelihood { get; } = new double[Stretches];

    /// <summary>Σ KL(baseline ‖ variant) of the next-token distributions, in nats, by stretch.</summary>
    public double[] Divergence { get; } = new double[Stretches];

    public int[] Tokens { get; } = new int[Stretches];

    public double LargestDivergence { get; set; }

    /// <summary>Where <see cref="LargestDivergence"/> is.</summary>
    public int LargestPosition { get; set; }

    /// <summary>Positions at which the variant's most likely token is the baseline's.</summary>
    public int Agreements { get; set; }
}
