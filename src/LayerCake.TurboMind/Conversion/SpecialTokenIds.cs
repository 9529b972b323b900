namespace LayerCake.TurboMind;

/// <summary>The tokenizer's begin and end of sequence ids: config.ini's <c>start_id</c> and <c>end_id</c>. Llama and InternLM tokenizers have 1 and 2.</summary>
public sealed record SpecialTokenIds(int BeginId, int EndId);
