namespace LayerCake.Models;

/// <summary>One linear of a decoder layer.</summary>
/// <param name="Name">Name inside the layer, for example <c>self_attn.q_proj</c>.</param>
/// <param name="OutputSize">Output channels: rows of the weight.</param>
/// <param name="InputSize">Input channels: columns of the weight.</param>
/// <param name="HasBias">Whether a bias of <paramref name="OutputSize"/> elements belongs to it.</param>
public sealed record LinearLayout(string Name, int OutputSize, int InputSize, bool HasBias);
