namespace LayerCake.Reconstruction;

/// <summary>What learning a span came to.</summary>
/// <param name="Layers">The span's layers, as they are now.</param>
/// <param name="First">Loss on the samples held back before the first step.</param>
/// <param name="Best">The same of what was kept.</param>
internal sealed record LearnedSpan(IReadOnlyList<ReconstructedLayer> Layers, double First, double Best);
