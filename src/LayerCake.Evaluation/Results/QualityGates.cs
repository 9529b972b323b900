using System.Globalization;

namespace LayerCake.Evaluation;

/// <summary>What a model may lose at most; null for no limit.</summary>
/// <param name="MaxPerplexityIncrease">Relative to the baseline's: 0.25 for a quarter more.</param>
/// <param name="MaxDivergence">Mean KL divergence in nats.</param>
public sealed record QualityGates(double? MaxPerplexityIncrease, double? MaxDivergence)
{
    // A tenth more is not refused as 0.10000000000000009 more.
    private const double Slack = 1e-9;

    /// <summary>Holds a variant against the limits. A figure that is no number keeps none.</summary>
    public IReadOnlyList<GateResult> Check(QualityReport report, VariantFigures variant)
    {
        var results = new List<GateResult>();
        if (MaxPerplexityIncrease is { } increase)
        {
            var value = report.PerplexityIncrease(variant);
            results.Add(new GateResult("perplexity increase", variant.Name, Percent(value), Percent(increase), value <= increase + Slack));
        }

        if (MaxDivergence is { } divergence)
        {
            results.Add(new GateResult("mean KL divergence", variant.Name, Number(variant.MeanDivergence), Number(divergence), variant.MeanDivergence <= divergence));
        }

        return results;
    }

    /// <summary>Refuses what is shipped, the last variant, where it is beyond a limit.</summary>
    /// <exception cref="QualityGateException">It is; the message has the table.</exception>
    public void ThrowIfFailed(QualityReport report, string what)
    {
        var results = Check(report, report.Variants[^1]);
        if (results.Any(result => !result.Passed))
        {
            throw new QualityGateException(what, report, results);
        }
    }

    private static string Percent(double share) => (100 * share).ToString("0.0#", CultureInfo.InvariantCulture) + " %";

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}

/// <summary>One limit and what was measured.</summary>
/// <param name="Name">What was measured: <c>perplexity increase</c>.</param>
/// <param name="Variant">Of which variant.</param>
/// <param name="Value">The figure, as people read it.</param>
/// <param name="Limit">The most that is allowed.</param>
/// <param name="Passed">Whether it is within the limit.</param>
public sealed record GateResult(string Name, string Variant, string Value, string Limit, bool Passed);
