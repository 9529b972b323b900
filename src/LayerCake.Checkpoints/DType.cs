namespace LayerCake.Checkpoints;

/// <summary>Element types a checkpoint may hold: those of the safetensors format and the torch storages that map onto them.</summary>
public enum DType
{
    Bool,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    I64,
    U64,
    F64,
    C64,
}
