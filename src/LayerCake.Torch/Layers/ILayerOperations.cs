using LayerCake.Models;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// What a decoder layer does between its products, as the Transformers modelling code (4.33 to 4.35) computes it: float16 values, every operation rounded. Results
/// belong to the caller's scope.
/// </summary>
internal interface ILayerOperations
{
    /// <summary>Hidden states as the operations take them.</summary>
    Tensor Enter(Tensor hidden);

    /// <summary>A product's result, bias added.</summary>
    /// <param name="x">[samples, tokens, in].</param>
    /// <param name="weight">[out, in], float16.</param>
    /// <param name="bias">[out], float16.</param>
    Tensor Linear(Tensor x, Tensor weight, Tensor? bias);

    Tensor Norm(Tensor x, Tensor weight, double epsilon);

    /// <summary>Rotary embedding; may be in the place of <paramref name="x"/>.</summary>
    /// <param name="x">[samples, tokens, heads · d].</param>
    /// <param name="cosines">[tokens, d], both halves, rounded to float16; likewise <paramref name="sines"/>.</param>
    Tensor Rotate(Tensor x, Tensor cosines, Tensor sines, int heads);

    /// <summary>Causal attention of rotated queries and keys.</summary>
    /// <returns>[samples, tokens, heads · d].</returns>
    Tensor Attend(Tensor query, Tensor key, Tensor value, ModelConfiguration configuration);

    /// <summary>silu(gate) · up; may be in the place of <paramref name="gate"/>.</summary>
    Tensor GateUp(Tensor gate, Tensor up);

    Tensor Add(Tensor x, Tensor y);
}
