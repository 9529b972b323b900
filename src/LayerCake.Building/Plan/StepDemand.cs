namespace LayerCake.Building;

/// <summary>What a step takes of the machine while it runs; steps that run at once share none of it.</summary>
/// <param name="Units">What it needs for itself.</param>
/// <param name="MemoryBytes">Bytes of memory it plans for; 0 where that is little.</param>
public readonly record struct StepDemand(MachineUnits Units, long MemoryBytes = 0)
{
    /// <summary>A step that is over in a moment.</summary>
    public static StepDemand Light => default;
}
