using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>A linear that was quantized on a device, as <see cref="SolvedLinear"/>. Owns its codes.</summary>
/// <param name="Codes">Codes, scales and zero points.</param>
/// <param name="WeightError">Σ(w' − w)² / Σw² of the scaled weight w and what its codes stand for.</param>
/// <param name="Sensitivities">Error of what it gives, by method and bits; empty where the input is not known.</param>
internal sealed record DeviceLinear(DeviceCodes Codes, double WeightError, IReadOnlyList<Sensitivity> Sensitivities);
