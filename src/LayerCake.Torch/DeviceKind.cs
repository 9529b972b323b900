namespace LayerCake.Torch;

/// <summary>What computes: results differ in their last bits between the two.</summary>
public enum DeviceKind
{
    Cpu,
    Cuda,
}
