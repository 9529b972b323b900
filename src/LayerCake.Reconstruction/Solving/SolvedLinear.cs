using LayerCake.Quantization;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A linear that was quantized. Owns its codes.</summary>
/// <param name="Codes">Codes, scales and zero points.</param>
/// <param name="InputScales">By which its inputs were multiplied in the weight.</param>
/// <param name="WeightError">Σ(w' − w)² / Σw² of the scaled weight w and what its codes stand for.</param>
/// <param name="Sensitivities">Error of what it gives, by method and bits; empty where the input is not known.</param>
internal sealed record SolvedLinear(Int4Panels Codes, float[] InputScales, double WeightError, IReadOnlyList<Sensitivity> Sensitivities)
{
    /// <summary>By which its outputs were divided afterwards, in codes' scales and bias, since the linear after it is multiplied by them; null for none.</summary>
    public float[]? OutputFactors { get; init; }

    /// <summary>The weight that the codes stand for: the float weight with its inputs multiplied and its outputs divided, as a tensor [outputs, inputs]; the caller's scope owns it.</summary>
    public Tensor Wanted(WeightPanels weight)
    {
        using var scope = NewDisposeScope();
        var values = new float[(long)Codes.Outputs * Codes.Inputs];
        for (var output = 0; output < Codes.Outputs; output++)
        {
            for (var input = 0; input < Codes.Inputs; input++)
            {
                values[((long)output * Codes.Inputs) + input] = weight.At(output, input) * InputScales[input] / (OutputFactors?[output] ?? 1);
            }
        }

        return tensor(values, ScalarType.Float32).view(Codes.Outputs, Codes.Inputs).MoveToOuterDisposeScope();
    }

    /// <summary>Writes what was learned into the codes.</summary>
    /// <param name="codes">[outputs][inputs], from 0 to 15.</param>
    /// <param name="scales">[outputs][groups], float16 values.</param>
    /// <param name="weight">The float weight.</param>
    /// <returns>The linear with its weight error.</returns>
    public SolvedLinear With(byte[] codes, float[] scales, WeightPanels weight)
    {
        var (error, energy) = (0.0, 0.0);
        for (var output = 0; output < Codes.Outputs; output++)
        {
            for (var group = 0; group < Codes.Groups; group++)
            {
                Codes.Scale(output, group) = scales[(output * Codes.Groups) + group];
            }

            var factor = OutputFactors?[output] ?? 1;
            for (var input = 0; input < Codes.Inputs; input++)
            {
                var code = (float)codes[((long)output * Codes.Inputs) + input];
                var group = input / Codes.GroupSize;
                Codes.Code(output, input) = code;
                var wanted = (double)weight.At(output, input) * InputScales[input] / factor;
                var difference = ((code - Codes.Zero(output, group)) * Codes.Scale(output, group)) - wanted;
                error += difference * difference;
                energy += wanted * wanted;
            }
        }

        return this with { WeightError = energy > 0 ? error / energy : 0 };
    }
}
