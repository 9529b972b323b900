using System.Collections.Immutable;
using LayerCake.Text.Chat;

namespace LayerCake.Runtime;

/// <summary>How one answer is sampled and where it ends. Names and defaults are those of LMDeploy's <c>stream_infer</c>.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens to generate, 0 or more. 0 only adds the ids to the session's history.</summary>
    public int RequestOutputLength { get; init; } = 512;

    /// <summary>Divides the logits (plus 1e-6); 0 is practically greedy.</summary>
    public float Temperature { get; init; } = 0.8f;

    /// <summary>Every id of the sequence counts as this much less likely: logits below 0 are multiplied by it, others divided. 1 for none, greater than 0.</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>The most likely tokens to draw from, at most 1024; 1 is greedy and deterministic; 0 for all.</summary>
    public int TopK { get; init; } = SamplingDefaults.EngineTopK;

    /// <summary>Of those, the ones that make up this share of their probability, 0 to 1.</summary>
    public float TopP { get; init; } = 0.8f;

    /// <summary>Restarts the session's random generator. Null goes on with its state; that of a new session begins at seed 0.</summary>
    public ulong? RandomSeed { get; init; }

    /// <summary>Token sequences that end the answer; the sequence itself is left out of it, but stays in the session's history.</summary>
    public ImmutableArray<ImmutableArray<int>> StopWords { get; init; } = [];

    /// <summary>Token sequences that may not come: the last token of one is banned where those before it stand.</summary>
    public ImmutableArray<ImmutableArray<int>> BadWords { get; init; } = [];

    /// <summary>Never end: no stop words, and the end token is banned.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>The most likely token every time, unchanged by temperature or penalty.</summary>
    public static GenerationOptions Greedy { get; } = new() { TopK = 1, Temperature = 1f };

    /// <summary>A chat template's sampling, with <c>top_k</c> 40 where it names none.</summary>
    public static GenerationOptions From(SamplingDefaults sampling)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        return new()
        {
            TopP = sampling.TopP,
            TopK = sampling.TopK ?? SamplingDefaults.EngineTopK,
            Temperature = sampling.Temperature,
            RepetitionPenalty = sampling.RepetitionPenalty,
        };
    }
}
