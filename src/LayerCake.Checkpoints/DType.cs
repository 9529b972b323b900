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

    /// <summary>Two float32: real, imaginary.</summary>
    C64,

    /// <summary>Power-of-two scales of the microscaling formats, one byte each.</summary>
    F8E8M0,
    F8E4M3Fnuz,
    F8E5M2Fnuz,

    /// <summary>E2M1, two elements a byte. Listed and read as bytes; <see cref="DTypeFacts.ByteSize"/> does not apply.</summary>
    F4,

    /// <summary>Four elements in three bytes.</summary>
    F6E2M3,

    /// <summary>Four elements in three bytes.</summary>
    F6E3M2,
}
