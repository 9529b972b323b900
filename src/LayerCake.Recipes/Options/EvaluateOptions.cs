namespace LayerCake.Recipes;

/// <summary>What the result is measured on, and what it may lose.</summary>
public sealed record EvaluateOptions : IStepOptions
{
    public required CalibrationSource Dataset { get; init; }

    /// <summary>Tokens of a window, BOS included. Default 512.</summary>
    public int Window { get; init; } = EvaluateFields.Window.Default;

    /// <summary>The most windows, from the beginning of the text; 0 for all. Default 0.</summary>
    public int Windows { get; init; } = EvaluateFields.Windows.Default;

    /// <summary>What the result is compared with. Default source.</summary>
    public EvaluationBaseline Baseline { get; init; } = EvaluateFields.Baseline.Default;

    /// <summary>How much the perplexity may rise over the baseline's; null for any.</summary>
    public Percentage? MaxPerplexityIncrease { get; init; } = EvaluateFields.MaxPerplexityIncrease.Default;

    /// <summary>The largest mean KL divergence from the baseline, in nats; null for any.</summary>
    public double? MaxKl { get; init; } = EvaluateFields.MaxKl.Default;

    public void AddTo(IKeyWriter key)
    {
        AddMeasurementTo(key);
        EvaluateFields.MaxPerplexityIncrease.AddTo(key, MaxPerplexityIncrease);
        EvaluateFields.MaxKl.AddTo(key, MaxKl);
    }

    /// <summary>Writes what decides the figures: all but the limits, so that another limit needs no new measurement.</summary>
    public void AddMeasurementTo(IKeyWriter key)
    {
        EvaluateFields.Dataset.AddTo(key, Dataset);
        EvaluateFields.Window.AddTo(key, Window);
        EvaluateFields.Windows.AddTo(key, Windows);
        EvaluateFields.Baseline.AddTo(key, Baseline);
    }
}
