namespace LayerCake.Provenance;

/// <summary>A measured figure of a model, for the model card.</summary>
/// <param name="Type">What was measured: <c>perplexity</c>.</param>
/// <param name="Value">The figure, as text.</param>
/// <param name="Slice">On what: <c>wikitext2</c>, or which of several models; null where there is nothing to say.</param>
public sealed record QualityFigure(string Type, string Value, string? Slice = null);
