namespace LayerCake.Evaluation;

/// <summary>What was measured of one variant. Perplexity and KL divergence are over all positions of all windows that have a next token.</summary>
public sealed record VariantFigures
{
    public required string Name { get; init; }

    /// <summary>What the weights are kept as: <c>float16</c>, <c>bfloat16</c>, <c>float32</c> or <c>int4</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>What keys and values are kept as: <c>float16</c> or <c>int8</c>.</summary>
    public required string Cache { get; init; }

    /// <summary>Bytes of the weights on disk.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of one token's keys and values, all layers.</summary>
    public required long CacheBytesPerToken { get; init; }

    /// <summary>exp of the mean negative log-likelihood of the next token.</summary>
    public required double Perplexity { get; init; }

    /// <summary>Mean KL(baseline ‖ variant) of the next-token distributions, in nats; 0 for the baseline.</summary>
    public required double MeanDivergence { get; init; }

    /// <summary>The largest at any position.</summary>
    public required double LargestDivergence { get; init; }

    /// <summary>The window with the largest divergence.</summary>
    public required int LargestWindow { get; init; }

    /// <summary>The position within it.</summary>
    public required int LargestPosition { get; init; }

    /// <summary>Share of positions at which the most likely token is the baseline's.</summary>
    public required double TopAgreement { get; init; }

    /// <summary>Perplexity by position, in stretches of equal length; a stretch without tokens has NaN.</summary>
    public required IReadOnlyList<double> PerplexityByPosition { get; init; }

    /// <summary>Mean divergence by position, in the same stretches.</summary>
    public required IReadOnlyList<double> DivergenceByPosition { get; init; }

    /// <summary>Adds the windows up, in order.</summary>
    internal static VariantFigures Of(EvaluationVariant variant, WindowScores[] windows)
    {
        var tokens = windows.Sum(window => window.Tokens.Sum());
        var largest = 0;
        for (var i = 1; i < windows.Length; i++)
        {
            largest = windows[i].LargestDivergence > windows[largest].LargestDivergence ? i : largest;
        }

        return new VariantFigures
        {
            Name = variant.Name,
            Weights = variant.Model.WeightType,
            Cache = variant.QuantizesCache ? "int8" : "float16",
            WeightBytes = variant.Model.WeightBytes,
            CacheBytesPerToken = 2L * variant.Model.Configuration.LayerCount * variant.Model.Configuration.KeyValueSize * (variant.QuantizesCache ? 1 : sizeof(short)),
            Perplexity = Math.Exp(windows.Sum(window => window.NegativeLogLikelihood.Sum()) / tokens),
            MeanDivergence = windows.Sum(window => window.Divergence.Sum()) / tokens,
            LargestDivergence = windows[largest].LargestDivergence,
            LargestWindow = largest,
            LargestPosition = windows[largest].LargestPosition,
            TopAgreement = (double)windows.Sum(window => window.Agreements) / tokens,
            PerplexityByPosition = [.. Enumerable.Range(0, WindowScores.Stretches).Select(s => Math.Exp(windows.Sum(window => window.NegativeLogLikelihood[s]) / windows.Sum(window => window.Tokens[s])))],
            DivergenceByPosition = [.. Enumerable.Range(0, WindowScores.Stretches).Select(s => windows.Sum(window => window.Divergence[s]) / windows.Sum(window => window.Tokens[s]))],
        };
    }
}
