using System.Runtime.InteropServices;
using TorchSharp;

namespace LayerCake.Calibration;

/// <summary>
/// How much GPU memory the run has taken so far. TorchSharp does not pass on the allocator's counters, so the driver is asked: memory that libtorch keeps for reuse
/// counts too, and so does what other processes take meanwhile.
/// </summary>
internal sealed partial class DeviceMemory
{
    private readonly bool _available;
    private readonly long _before;

    public DeviceMemory(torch.Device device)
    {
        if (device.type != DeviceType.CUDA)
        {
            return;
        }

        // The first allocation makes the context current on this thread.
        using var first = torch.zeros(1, device: device);
        _available = TryGetUsed(out _before);
    }

    public long Peak { get; private set; }

    public void Measure()
    {
        if (_available && TryGetUsed(out var used))
        {
            Peak = Math.Max(Peak, used - _before);
        }
    }

    private static bool TryGetUsed(out long used)
    {
        used = 0;
        try
        {
            if (cuMemGetInfo(out var free, out var total) != 0)
            {
                return false;
            }

            used = (long)total - (long)free;
            return true;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libcuda.so.1", EntryPoint = "cuMemGetInfo_v2")]
    private static partial int cuMemGetInfo(out nuint free, out nuint total);
}
