using LayerCake.Quantization;
using LayerCake.Quantization.Int4;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A layer that was quantized, wherever its values are.</summary>
internal interface IQuantizedLayer : IDisposable
{
    /// <summary>Σ(w' − w)² / Σw² of a linear's scaled weight w and what its codes stand for.</summary>
    /// <param name="linear">Name inside the layer.</param>
    double WeightErrorOf(string linear);

    /// <summary>Errors of what the linears give, by method and bits, in the order in which they were quantized; empty where the input is not known.</summary>
    IEnumerable<Sensitivity> Sensitivities { get; }

    /// <summary>A norm's weight or a linear's bias, float16 values; null where there is none.</summary>
    Half[]? Vector(string name, int length);

    /// <summary>A copy of a linear's codes, scales and zero points on a device; the caller's.</summary>
    DeviceCodes CodesOn(string linear, Device device);

    /// <summary>Writes a linear's codes, scales and zero points in AWQ's arrangement.</summary>
    void Pack(string linear, PackedLinear packed, ParallelOptions options);
}
