namespace LayerCake.Torch.Layers;

/// <summary>The activations of a decoder layer that calibration observes, in the order they arise.</summary>
public enum Activation
{
    /// <summary>Output of the input norm: input of q, k and v.</summary>
    InputNorm,

    /// <summary>Output of q_proj, before rotary embedding.</summary>
    Query,

    /// <summary>Output of k_proj, before rotary embedding.</summary>
    Key,

    /// <summary>Output of v_proj: the cached value.</summary>
    Value,

    /// <summary>The cached key: after rotary embedding, before heads are repeated for grouped queries.</summary>
    RotatedKey,

    /// <summary>Joined heads: input of o_proj.</summary>
    Attention,

    /// <summary>Output of o_proj.</summary>
    AttentionOutput,

    /// <summary>Output of the norm after attention: input of gate and up.</summary>
    PostAttentionNorm,

    Gate,

    Up,

    /// <summary>silu(gate) · up: input of down_proj.</summary>
    GatedUp,

    /// <summary>Output of down_proj.</summary>
    Down,
}
