namespace LayerCake.Runtime;

/// <summary>Values inside a decoder layer, rounded to the model's 16-bit type, in the order in which they arise.</summary>
public enum Activation
{
    /// <summary>The residual stream as it enters the layer, [rows, hidden].</summary>
    LayerInput,

    /// <summary>The normed input of w_qkv, [rows, hidden].</summary>
    AttentionInput,

    /// <summary>Queries after bias, rotary embedding and logN, [rows, heads · 128], in the interleaved rotary order of workspaces.</summary>
    Query,

    /// <summary>Keys after bias and rotary embedding, before they are quantized, [rows, kv heads · 128], in the interleaved rotary order.</summary>
    Key,

    /// <summary>Values after bias, before they are quantized, [rows, kv heads · 128].</summary>
    Value,

    /// <summary>The heads' results, the input of wo, [rows, heads · 128].</summary>
    AttentionHeads,

    /// <summary>What attention adds to the residual stream, without wo's bias, [rows, hidden].</summary>
    AttentionOutput,

    /// <summary>The normed input of w1 and w3, [rows, hidden].</summary>
    FeedForwardInput,

    /// <summary>silu(x·w1) ⊙ (x·w3), the input of w2, [rows, inner].</summary>
    FeedForwardInner,

    /// <summary>What the feed-forward part adds to the residual stream, [rows, hidden].</summary>
    FeedForwardOutput,

    /// <summary>The residual stream as it leaves the layer, [rows, hidden].</summary>
    LayerOutput,
}
