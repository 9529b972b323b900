namespace LayerCake.Text.Chat;

/// <summary>How a template's models are sampled unless the caller says otherwise.</summary>
/// <param name="TopP">Of the candidates, those that make up this share of the probability, 0 to 1.</param>
/// <param name="TopK">How many candidates; null where the template says nothing, which the engine reads as <see cref="EngineTopK"/>.</param>
/// <param name="Temperature">Divides the logits; 0 is practically greedy.</param>
/// <param name="RepetitionPenalty">Makes tokens that were there less likely; 1 for none.</param>
public sealed record SamplingDefaults(float TopP = 0.8f, int? TopK = null, float Temperature = 0.8f, float RepetitionPenalty = 1.0f)
{
    /// <summary>The candidates that are taken where a template names no number.</summary>
    public const int EngineTopK = 40;
}
