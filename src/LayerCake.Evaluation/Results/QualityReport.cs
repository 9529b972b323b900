namespace LayerCake.Evaluation;

/// <summary>What quantizing a model cost: everything that one evaluation measured.</summary>
public sealed record QualityReport
{
    /// <summary>File name of a report in a package and elsewhere.</summary>
    public const string FileName = "evaluation.json";

    public required EvaluationProtocol Protocol { get; init; }

    /// <summary>The first is the baseline; the last is what is shipped.</summary>
    public required IReadOnlyList<VariantFigures> Variants { get; init; }

    /// <summary>Layer by layer, within a layer in the order of the variants, the baseline left out.</summary>
    public required IReadOnlyList<LayerFigures> Layers { get; init; }

    /// <summary>The variant whose keys and values <see cref="Heads"/> and <see cref="Outliers"/> are about.</summary>
    public required string CacheVariant { get; init; }

    /// <summary>Tokens whose keys and values were looked at.</summary>
    public required long CacheTokens { get; init; }

    /// <summary>Layer by layer, keys before values, head by head.</summary>
    public required IReadOnlyList<HeadErrors> Heads { get; init; }

    /// <summary>Channels that an int4 cache would pay for.</summary>
    public required IReadOnlyList<OutlierChannel> Outliers { get; init; }

    /// <summary>Tokens of the longest session.</summary>
    public required int ContextLength { get; init; }

    public VariantFigures Baseline => Variants[0];

    /// <summary>Perplexity of a variant over that of the baseline, less 1.</summary>
    public double PerplexityIncrease(VariantFigures variant) => (variant.Perplexity / Baseline.Perplexity) - 1;
}
