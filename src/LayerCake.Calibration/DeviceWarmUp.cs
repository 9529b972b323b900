using System.Runtime.InteropServices;
using LayerCake.Torch;
using LayerCake.Torch.Cuda;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// What a calibration on a GPU begins with and what needs no model: libtorch's libraries are read from the disk, the GPU is woken up, the kernels are compiled.
/// Several seconds, which pass unnoticed while something else reads the weights.
/// </summary>
public static class DeviceWarmUp
{
    /// <summary>Begins it on a thread of its own. What goes wrong is no error yet: the calibration will meet it again and say so.</summary>
    /// <returns>Ends when all is ready; never fails.</returns>
    public static Task Begin() => Task.Run(() =>
    {
        try
        {
            var device = TorchDevices.Resolve("cuda");
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var x = zeros([1, 128, 128], ScalarType.Float16, device);
            using var kernels = LayerKernels.Load();
            var operations = new KernelOperations(kernels);
            _ = operations.Add(operations.Linear(x, x[0], null), x);
            _ = nn.functional.scaled_dot_product_attention(x.view(1, 1, 128, 128), x.view(1, 1, 128, 128), x.view(1, 1, 128, 128), is_casual: true).cpu();
        }
        catch (Exception failure) when (failure is TorchException or ExternalException)
        {
        }
    });
}
