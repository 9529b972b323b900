using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>Float32 libtorch memory with its address, zero at first.</summary>
internal sealed unsafe class FloatBuffer : IDisposable
{
    private readonly Tensor _tensor;

    public FloatBuffer(long count)
    {
        _tensor = zeros([count], ScalarType.Float32).DetachFromDisposeScope();
        Pointer = (float*)TensorLoading.NativeMemoryOf(_tensor);
    }

    public float* Pointer { get; }

    /// <summary>A float16 vector in float32, padded with zeros to a row of <paramref name="stride"/>.</summary>
    public static FloatBuffer From(Tensor vector, nint stride)
    {
        var buffer = new FloatBuffer(stride);
        Kernels.Float16Lanes.Load((Half*)TensorLoading.NativeMemoryOf(vector), buffer.Pointer, (nint)vector.NumberOfElements);
        return buffer;
    }

    public void Dispose() => _tensor.Dispose();
}
