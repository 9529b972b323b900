using System.Runtime.InteropServices;
using TorchSharp;

namespace LayerCake.Torch;

/// <summary>Chooses the device a run computes on.</summary>
public static class TorchDevices
{
    /// <summary>
    /// What <c>auto</c>, <c>cpu</c> or <c>cuda</c> means on this machine, without loading libtorch: CUDA where both the libtorch that would be loaded
    /// has its kernels and the machine has NVIDIA's driver. For keys and plans.
    /// </summary>
    /// <exception cref="TorchException">An unknown name, or CUDA is asked for and cannot be.</exception>
    public static DeviceKind ResolveKind(string device)
    {
        switch (device)
        {
            case "cpu":
                return DeviceKind.Cpu;
            case "auto":
                return LibTorch.HasCuda && DriverPresent() ? DeviceKind.Cuda : DeviceKind.Cpu;
            case "cuda" when !LibTorch.HasCuda:
                throw new TorchException(
                    $"The device is cuda, but the libtorch in use (TorchBackend={LibTorch.Backend}) has no CUDA kernels. " +
                    $"Set {LibTorch.EnvironmentVariable} to a PyTorch install with CUDA, build with TorchBackend=cuda, or use cpu.");
            case "cuda" when !DriverPresent():
                throw new TorchException("The device is cuda, but NVIDIA's driver (libcuda) is not on this machine. Install it or use cpu.");
            case "cuda":
                return DeviceKind.Cuda;
            default:
                throw new TorchException($"'{device}' is no device. Give auto, cpu or cuda.");
        }
    }

    /// <summary>The device by name; loads libtorch.</summary>
    /// <exception cref="TorchException">As <see cref="ResolveKind"/>, or the GPU does not start.</exception>
    public static torch.Device Resolve(string device)
    {
        var kind = ResolveKind(device);
        LibTorch.EnsureLoaded();
        if (kind == DeviceKind.Cpu)
        {
            return torch.CPU;
        }

        if (!torch.TryInitializeDeviceType(DeviceType.CUDA) || torch.cuda.device_count() == 0)
        {
            throw new TorchException(
                $"The device is cuda, but libtorch {LibTorch.Version} finds no usable GPU: the driver is too old for it, or CUDA_VISIBLE_DEVICES hides all GPUs. See nvidia-smi, or use cpu.");
        }

        return torch.CUDA;
    }

    private static bool DriverPresent()
    {
        var name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(name, out var handle))
        {
            return false;
        }

        NativeLibrary.Free(handle);
        return true;
    }
}
