namespace LayerCake.Models;

/// <summary>A norm whose scale moves into the linears that read it.</summary>
/// <param name="Norm">The norm's name inside the layer.</param>
/// <param name="Consumers">The linears, in the order their weights are joined; the first one's input statistics decide the scales.</param>
public sealed record NormSmoothing(string Norm, IReadOnlyList<string> Consumers);

/// <summary>A linear whose output scale moves into the one linear that reads it.</summary>
/// <param name="Previous">The producing linear's name inside the layer.</param>
/// <param name="Consumer">The reading linear's name inside the layer; its input statistics decide the scales.</param>
public sealed record LinearSmoothing(string Previous, string Consumer);
