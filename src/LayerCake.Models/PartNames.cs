namespace LayerCake.Models;

/// <summary>What the parts of a decoder layer are called inside the layer, and which linears read one input. The same in all families that are read.</summary>
public static class PartNames
{
    public const string InputNorm = "input_layernorm";
    public const string PostAttentionNorm = "post_attention_layernorm";
    public const string Query = "self_attn.q_proj";
    public const string Key = "self_attn.k_proj";
    public const string Value = "self_attn.v_proj";
    public const string Output = "self_attn.o_proj";
    public const string Gate = "mlp.gate_proj";
    public const string Up = "mlp.up_proj";
    public const string Down = "mlp.down_proj";

    /// <summary>Read what the first norm gives.</summary>
    public static IReadOnlyList<string> AttentionInputs { get; } = [Query, Key, Value];

    /// <summary>Read what the second norm gives.</summary>
    public static IReadOnlyList<string> InnerInputs { get; } = [Gate, Up];
}
