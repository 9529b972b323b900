using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>A linear that was quantized. Owns its codes.</summary>
/// <param name="Codes">Codes, scales and zero points.</param>
/// <param name="InputScales">By which its inputs were multiplied in the weight.</param>
/// <param name="WeightError">Σ(w' − w)² / Σw² of the scaled weight w and what its codes stand for.</param>
/// <param name="Sensitivities">Error of what it gives, by method and bits; empty where the input is not known.</param>
internal sealed record SolvedLinear(Int4Panels Codes, float[] InputScales, double WeightError, IReadOnlyList<Sensitivity> Sensitivities);
