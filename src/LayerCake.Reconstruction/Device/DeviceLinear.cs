using LayerCake.Quantization;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A linear that was quantized on a device, as <see cref="SolvedLinear"/>. Owns its codes.</summary>
/// <param name="Codes">Codes, scales and zero points.</param>
/// <param name="InputScales">By which its inputs were multiplied in the weight.</param>
/// <param name="WeightError">Σ(w' − w)² / Σw² of the scaled weight w and what its codes stand for.</param>
/// <param name="Sensitivities">Error of what it gives, by method and bits; empty where the input is not known.</param>
internal sealed record DeviceLinear(DeviceCodes Codes, float[] InputScales, double WeightError, IReadOnlyList<Sensitivity> Sensitivities)
{
    /// <summary>By which its outputs were divided afterwards, in codes' scales and bias; null for none.</summary>
    public float[]? OutputFactors { get; init; }

    /// <summary>The weight that the codes stand for: the float weight with its inputs multiplied and its outputs divided, [outputs, inputs], float32; the caller's scope owns it.</summary>
    /// <param name="weight">The float weight, float16.</param>
    public Tensor Wanted(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var wanted = weight.to(ScalarType.Float32).mul_(tensor(InputScales).to(weight.device));
        return (OutputFactors is { } factors ? wanted.div_(tensor(factors).to(weight.device).unsqueeze(1)) : wanted).MoveToOuterDisposeScope();
    }

    /// <summary>Writes what was learned into the codes.</summary>
    /// <param name="codes">[outputs, inputs], bytes from 0 to 15.</param>
    /// <param name="scales">[outputs, groups], float32 holding float16 values.</param>
    /// <param name="weight">The float weight, float16.</param>
    /// <returns>The linear with its weight error.</returns>
    public DeviceLinear With(Tensor codes, Tensor scales, Tensor weight)
    {
        using var scope = NewDisposeScope();
        Codes.Codes.copy_(codes);
        Codes.Scales.copy_(scales);
        var (errors, energies) = DeviceLinearSolver.Differences(Wanted(weight), null, Codes);
        var energy = energies.Sum();
        return this with { WeightError = energy > 0 ? errors.Sum() / energy : 0 };
    }
}
