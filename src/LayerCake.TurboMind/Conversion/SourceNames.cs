namespace LayerCake.TurboMind;

/// <summary>Where a family of checkpoints keeps the tensors of each role. Names within a layer are relative to <see cref="Layer"/>.</summary>
internal sealed record SourceNames
{
    public static SourceNames HuggingFace { get; } = new()
    {
        LayerPrefix = "model.layers.",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        Output = "self_attn.o_proj",
        Gate = "mlp.gate_proj",
        Down = "mlp.down_proj",
        Up = "mlp.up_proj",
        AttentionNorm = "input_layernorm.weight",
        FeedForwardNorm = "post_attention_layernorm.weight",
        Embedding = "model.embed_tokens.weight",
        FinalNorm = "model.norm.weight",
        Head = "lm_head.weight",
        // Buffers that old checkpoints carry; the engine computes the frequencies itself.
        IgnoredSuffixes = [".rotary_emb.inv_freq"],
    };

    public required string LayerPrefix { get; init; }

    public required string Query { get; init; }

    public required string Key { get; init; }

    public required string Value { get; init; }

    public required string Output { get; init; }

    public required string Gate { get; init; }

    public required string Down { get; init; }

    public required string Up { get; init; }

    public required string AttentionNorm { get; init; }

    public required string FeedForwardNorm { get; init; }

    public required string Embedding { get; init; }

    public required string FinalNorm { get; init; }

    public required string Head { get; init; }

    /// <summary>Tensors that may be in the checkpoint and have no place in a workspace.</summary>
    public required IReadOnlyList<string> IgnoredSuffixes { get; init; }

    public string Layer(int index) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{LayerPrefix}{index}.");
}
