namespace LayerCake.Building;

/// <summary>What the store answers when asked for a key.</summary>
/// <param name="Record">The record; null where there is none that can be used.</param>
/// <param name="Fault">Why a record that is there cannot be used, as a sentence without a full stop; null where there simply is none.</param>
public sealed record RecordLookup(StepRecord? Record, string? Fault);
