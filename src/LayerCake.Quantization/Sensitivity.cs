namespace LayerCake.Quantization;

/// <summary>What a linear loses in some number of bits.</summary>
/// <param name="Linear">Module name.</param>
/// <param name="Method">How it was quantized: <c>rtn</c>, <c>awq</c>, <c>gptq</c>, <c>learned</c>.</param>
/// <param name="Bits">Bits of a weight.</param>
/// <param name="RelativeError">√(Σ‖(W' − W) x‖² / Σ‖W x‖²) over the inputs x of calibration.</param>
public sealed record Sensitivity(string Linear, string Method, int Bits, double RelativeError);
