namespace LayerCake.Recipes;

/// <summary>How much time quantizing may take; docs/quantization.md says what each does and costs.</summary>
public enum QuantizationEffort
{
    Fast,
    Balanced,
    Best,
}
