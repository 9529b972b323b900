namespace LayerCake.Runtime;

/// <summary>What computes.</summary>
public enum RuntimeDevice
{
    /// <summary>CUDA where libtorch and the machine have it, otherwise the CPU.</summary>
    Auto,

    /// <summary>The project's own kernels; libtorch is not loaded.</summary>
    Cpu,

    /// <summary>A GPU through libtorch.</summary>
    Cuda,
}
