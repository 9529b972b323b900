namespace LayerCake.Building;

/// <summary>Parts of a machine that one step can use up.</summary>
[Flags]
public enum MachineUnits
{
    /// <summary>Nothing worth counting.</summary>
    None = 0,

    /// <summary>All cores of the processor.</summary>
    Processor = 1,

    /// <summary>A GPU.</summary>
    Gpu = 2,
}
