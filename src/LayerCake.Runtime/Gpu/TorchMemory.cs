using System.Runtime.InteropServices;
using LayerCake.Kernels;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>Bytes to tensors and back, and how much memory a device has.</summary>
internal static unsafe partial class TorchMemory
{
    /// <summary>A tensor on the device with the bytes of a buffer.</summary>
    public static Tensor Upload(NativeBuffer content, ScalarType type, Device device, params long[] shape)
    {
        var tensor = empty(shape, type);
        Buffer.MemoryCopy(content.Pointer, (void*)TensorLoading.NativeMemoryOf(tensor), content.ByteCount, content.ByteCount);
        return Move(tensor, device);
    }

    public static Tensor Upload(ReadOnlySpan<float> values, Device device, params long[] shape)
    {
        var tensor = empty(shape, ScalarType.Float32);
        values.CopyTo(new Span<float>((void*)TensorLoading.NativeMemoryOf(tensor), values.Length));
        return Move(tensor, device);
    }

    public static void Download(Tensor values, Span<float> destination)
    {
        using var host = values.to(ScalarType.Float32).cpu().contiguous();
        new ReadOnlySpan<float>((void*)TensorLoading.NativeMemoryOf(host), destination.Length).CopyTo(destination);
    }

    /// <summary>All memory of the device, in use or not.</summary>
    public static long Total(Device device)
    {
        if (device.type != DeviceType.CUDA)
        {
            return GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        }

        // The first allocation makes the context current on this thread.
        using var first = zeros(1, device: device);
        return cuMemGetInfo(out _, out var total) == 0
            ? (long)total
            : throw new RuntimeException("the GPU's driver does not say how much memory there is: give cache_max_entry_count as a number of blocks");
    }

    private static Tensor Move(Tensor tensor, Device device)
    {
        if (device.type == DeviceType.CPU)
        {
            return tensor;
        }

        using (tensor)
        {
            return tensor.to(device);
        }
    }

    [LibraryImport("libcuda.so.1", EntryPoint = "cuMemGetInfo_v2")]
    private static partial int cuMemGetInfo(out nuint free, out nuint total);
}
