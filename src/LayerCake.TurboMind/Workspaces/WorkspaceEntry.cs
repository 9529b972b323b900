using System.Collections.Immutable;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>A weight file as a workspace has it.</summary>
/// <param name="Name">File name within the weights folder.</param>
/// <param name="DType">Element type by config.ini; null for a file that has no place.</param>
/// <param name="Shape">Dimensions by config.ini; empty for a file that has no place.</param>
/// <param name="ByteCount">Size on disk; 0 if missing.</param>
/// <param name="Fault">What is wrong with it, or null.</param>
public sealed record WorkspaceEntry(string Name, DType? DType, ImmutableArray<long> Shape, long ByteCount, string? Fault);
