namespace LayerCake.Runtime;

/// <summary>The linears of a decoder layer, as the engine has them.</summary>
public enum Linear
{
    /// <summary>[hidden, (heads + 2 · kv heads) · 128]: columns of q, k, v; those of q and k in the interleaved rotary order, whatever the source.</summary>
    QueryKeyValue,

    /// <summary>[heads · 128, hidden].</summary>
    AttentionOutput,

    /// <summary>[hidden, inner].</summary>
    Gate,

    /// <summary>[hidden, inner].</summary>
    Up,

    /// <summary>[inner, hidden].</summary>
    Down,
}
