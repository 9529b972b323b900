namespace LayerCake.Checkpoints;

/// <summary>
/// The Python globals a state dict needs, each with one meaning here. Everything else is refused by name: whatever a pickle names, Python calls.
/// </summary>
internal abstract class TorchGlobal : TorchValue
{
    private TorchGlobal()
    {
    }

    public static TorchGlobal? Find(string module, string name) => (module, name) switch
    {
        ("torch._utils", "_rebuild_tensor_v2") => RebuildTensor.Instance,
        ("torch._utils", "_rebuild_parameter") => RebuildParameter.Instance,
        ("collections", "OrderedDict") => OrderedDictClass.Instance,
        ("torch", _) when StorageDType(name) is { } dtype => new StorageClass(dtype),
        _ => null,
    };

    /// <summary>The class that torch's pickles name for a storage of this element type; null when they have none.</summary>
    public static string? StorageName(DType dtype) => dtype switch
    {
        DType.Bool => "BoolStorage",
        DType.U8 => "ByteStorage",
        DType.I8 => "CharStorage",
        DType.I16 => "ShortStorage",
        DType.F16 => "HalfStorage",
        DType.BF16 => "BFloat16Storage",
        DType.I32 => "IntStorage",
        DType.F32 => "FloatStorage",
        DType.I64 => "LongStorage",
        DType.F64 => "DoubleStorage",
        DType.C64 => "ComplexFloatStorage",
        _ => null,
    };

    private static DType? StorageDType(string name)
    {
        foreach (var dtype in Enum.GetValues<DType>())
        {
            if (StorageName(dtype) == name)
            {
                return dtype;
            }
        }

        return null;
    }

    public sealed class RebuildTensor : TorchGlobal
    {
        public static readonly RebuildTensor Instance = new();
    }

    public sealed class RebuildParameter : TorchGlobal
    {
        public static readonly RebuildParameter Instance = new();
    }

    public sealed class OrderedDictClass : TorchGlobal
    {
        public static readonly OrderedDictClass Instance = new();
    }

    public sealed class StorageClass(DType dtype) : TorchGlobal
    {
        public DType DType { get; } = dtype;
    }
}
