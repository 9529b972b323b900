namespace LayerCake.Building;

/// <summary>What a store needs from its surroundings.</summary>
public sealed record StoreOptions
{
    public static StoreOptions Default { get; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public IFaultHook Faults { get; init; } = FaultHook.None;

    /// <summary>Nothing is written, not even digests to remember; anything that must write is refused. For dry runs.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Kept in records for people.</summary>
    public string ProgramVersion { get; init; } = "";
}
