namespace LayerCake.Evaluation;

/// <summary>What one layer of a variant does differently from the baseline's.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Variant">The variant's name.</param>
/// <param name="StateError">Of the residual stream after the layer, everything before it included: √(Σ(h' − h)² / Σh²).</param>
/// <param name="OutputError">
/// Of what the layer by itself adds to the residual stream, given the baseline's input, without a quantized cache: √(Σ(f'(x) − f(x))² / Σf(x)²). Null for a variant
/// whose weights an earlier one has.
/// </param>
/// <param name="WeightErrors">
/// Of each linear by its name within the layer, √(Σ(w' − w)² / Σw²), after what smoothing moved between neighbours is divided out. Empty where
/// <paramref name="OutputError"/> is null.
/// </param>
public sealed record LayerFigures(int Layer, string Variant, double StateError, double? OutputError, IReadOnlyDictionary<string, double> WeightErrors);
