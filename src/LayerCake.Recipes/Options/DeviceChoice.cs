namespace LayerCake.Recipes;

/// <summary>Where tensors are computed.</summary>
public enum DeviceChoice
{
    /// <summary>A GPU when libtorch finds one, else the processor.</summary>
    Auto,
    Cpu,
    Cuda,
}
