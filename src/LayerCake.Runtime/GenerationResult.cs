namespace LayerCake.Runtime;

/// <summary>An answer that ended.</summary>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="HistoryTokenCount">Tokens the session had before the call.</param>
/// <param name="InputTokenCount">Tokens of the prompt.</param>
/// <param name="GeneratedTokenCount">Tokens generated: without a final end token, with a final stop word.</param>
public sealed record GenerationResult(FinishReason FinishReason, int HistoryTokenCount, int InputTokenCount, int GeneratedTokenCount)
{
    /// <summary>LMDeploy's word for it: <c>length</c> or <c>stop</c>; null for a cancelled answer.</summary>
    public string? Name => FinishReason switch
    {
        FinishReason.Length or FinishReason.SessionLength => "length",
        FinishReason.Cancelled => null,
        _ => "stop",
    };
}
