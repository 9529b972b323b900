using System.Runtime.InteropServices;

namespace LayerCake.Torch.Cuda;

/// <summary>The calls of NVIDIA's driver that libtorch has no API for. They work on the context that libtorch made current on the calling thread.</summary>
internal static unsafe partial class CudaDriver
{
    private const string Library = "libcuda.so.1";
    private const int ComputeCapabilityMajor = 75;
    private const int ComputeCapabilityMinor = 76;

    /// <summary>Compute capability of the current context's GPU: 90 for 9.0.</summary>
    public static int ComputeCapability
    {
        get
        {
            Check(cuCtxGetDevice(out var device), "ask for the GPU in use");
            Check(cuDeviceGetAttribute(out var major, ComputeCapabilityMajor, device), "ask for the GPU's compute capability");
            Check(cuDeviceGetAttribute(out var minor, ComputeCapabilityMinor, device), "ask for the GPU's compute capability");
            return (major * 10) + minor;
        }
    }

    /// <summary>Free and total bytes of the GPU's memory; null where the driver does not say.</summary>
    public static (long Free, long Total)? TryGetMemory()
    {
        try
        {
            return cuMemGetInfo(out var free, out var total) == 0 ? ((long)free, (long)total) : null;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    public static nint LoadModule(ReadOnlySpan<byte> image)
    {
        fixed (byte* bytes = image)
        {
            Check(cuModuleLoadData(out var module, bytes), "load compiled kernels");
            return module;
        }
    }

    public static nint FunctionOf(nint module, string name)
    {
        Check(cuModuleGetFunction(out var function, module, name), $"find the kernel {name}");
        return function;
    }

    public static void UnloadModule(nint module) => _ = cuModuleUnload(module);

    /// <summary>Queues a kernel behind what libtorch has queued: both use the default stream.</summary>
    public static void Launch(nint function, (uint X, uint Y) grid, (uint X, uint Y) block, void** arguments) =>
        Check(cuLaunchKernel(function, grid.X, grid.Y, 1, block.X, block.Y, 1, 0, 0, arguments, null), "start a kernel");

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            var text = cuGetErrorString(result, out var message) == 0 ? Marshal.PtrToStringUTF8(message) : null;
            throw new TorchException($"The GPU driver cannot {what}: {text ?? "unknown error"} (CUDA error {result}). See nvidia-smi, or use the device cpu.");
        }
    }

    [LibraryImport(Library)]
    private static partial int cuCtxGetDevice(out int device);

    [LibraryImport(Library)]
    private static partial int cuDeviceGetAttribute(out int value, int attribute, int device);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    private static partial int cuMemGetInfo(out nuint free, out nuint total);

    [LibraryImport(Library)]
    private static partial int cuModuleLoadData(out nint module, byte* image);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int cuModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(Library)]
    private static partial int cuModuleUnload(nint module);

    [LibraryImport(Library)]
    private static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** arguments, void** extra);

    [LibraryImport(Library)]
    private static partial int cuGetErrorString(int error, out nint message);
}
