using LayerCake.Checkpoints;
using LayerCake.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch;

/// <summary>Reads checkpoint tensors into libtorch memory.</summary>
public static class TensorLoading
{
    /// <summary>
    /// Reads one tensor straight from disk into the memory of a new CPU tensor of the checkpoint's dtype: one copy. Then converts it where
    /// <paramref name="dtype"/> differs (round to nearest even; beyond the range infinite, as PyTorch does). The caller's scope owns the result.
    /// </summary>
    /// <exception cref="CheckpointException">The tensor is absent, cannot be read, or has a dtype libtorch lacks.</exception>
    public static Tensor Load(ITensorSource source, string name, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!source.TryFind(name, out var info))
        {
            throw new CheckpointException($"{source.Path} has no tensor {name}.");
        }

        LibTorch.EnsureLoaded();
        var tensor = empty([.. info.Shape], ScalarTypeOf(info, source));
        try
        {
            ReadInto(source, info, tensor);
        }
        catch
        {
            tensor.Dispose();
            throw;
        }

        if (dtype is null || dtype == tensor.dtype)
        {
            return tensor;
        }

        using (tensor)
        {
            return tensor.to(dtype.Value);
        }
    }

    private static unsafe void ReadInto(ITensorSource source, TensorInfo info, Tensor tensor)
    {
        // In parts, since a span ends at 2 GiB.
        const long PartSize = 1L << 30;
        var memory = (byte*)NativeMemoryOf(tensor);
        for (long offset = 0; offset < info.ByteCount; offset += PartSize)
        {
            source.Read(info.Name, offset, new Span<byte>(memory + offset, (int)Math.Min(PartSize, info.ByteCount - offset)));
        }
    }

    /// <summary>Whether a contiguous float16 CPU tensor holds neither infinity nor NaN.</summary>
    internal static unsafe bool AllFinite(Tensor tensor) => FiniteCheck.AllFinite((Half*)NativeMemoryOf(tensor), tensor.NumberOfElements);

    /// <summary>Address of the first element of a contiguous CPU tensor, 0 for an empty one.</summary>
    internal static nint NativeMemoryOf(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
        {
            throw new ArgumentException("Only a contiguous CPU tensor has one address.", nameof(tensor));
        }

        return LibTorch.AddressOf(tensor);
    }

    private static ScalarType ScalarTypeOf(TensorInfo info, ITensorSource source) => info.DType switch
    {
        DType.Bool => ScalarType.Bool,
        DType.U8 => ScalarType.Byte,
        DType.I8 => ScalarType.Int8,
        DType.I16 => ScalarType.Int16,
        DType.F16 => ScalarType.Float16,
        DType.BF16 => ScalarType.BFloat16,
        DType.I32 => ScalarType.Int32,
        DType.F32 => ScalarType.Float32,
        DType.I64 => ScalarType.Int64,
        DType.F64 => ScalarType.Float64,
        DType.C64 => ScalarType.ComplexFloat32,
        _ => throw new CheckpointException($"{source.Path}: tensor {info.Name} has the dtype {info.DType}, which cannot be loaded into libtorch."),
    };
}
