using LayerCake.Torch.Cuda;
using TorchSharp;

namespace LayerCake.Calibration;

/// <summary>
/// How much GPU memory the run has taken so far. TorchSharp does not pass on the allocator's counters, so the driver is asked: memory that libtorch keeps for reuse
/// counts too, and so does what other processes take meanwhile.
/// </summary>
internal sealed class DeviceMemory
{
    private readonly long? _free;

    public DeviceMemory(torch.Device device)
    {
        if (device.type != DeviceType.CUDA)
        {
            return;
        }

        // The first allocation makes the context current on this thread.
        using var first = torch.zeros(1, device: device);
        _free = CudaDriver.TryGetMemory()?.Free;
    }

    /// <summary>Bytes taken at most.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes free at the start; null where that is not known.</summary>
    public long? Free => _free;

    public void Measure()
    {
        if (_free is { } before && CudaDriver.TryGetMemory() is { } now)
        {
            Peak = Math.Max(Peak, before - now.Free);
        }
    }
}
