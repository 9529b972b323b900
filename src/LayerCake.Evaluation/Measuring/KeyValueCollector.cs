using LayerCake.Kernels;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>Copies one window's keys (after rotary embedding) and values of a layer as they come, before any cache rounds them.</summary>
internal sealed unsafe class KeyValueCollector : IRowObserver
{
    /// <summary>[rows, channels].</summary>
    public Half[] Keys { get; private set; } = [];

    /// <summary>[rows, channels].</summary>
    public Half[] Values { get; private set; } = [];

    public void Observe(Activation activation, float* values, int rows, nint stride, int channels)
    {
        if (activation == Activation.RotatedKey)
        {
            Keys = Copy(values, rows, stride, channels);
        }
        else if (activation == Activation.Value)
        {
            Values = Copy(values, rows, stride, channels);
        }
    }

    private static Half[] Copy(float* values, int rows, nint stride, int channels)
    {
        var copy = GC.AllocateUninitializedArray<Half>(rows * channels);
        fixed (Half* to = copy)
        {
            for (var row = 0; row < rows; row++)
            {
                Float16Lanes.Store(values + (row * stride), to + ((nint)row * channels), channels);
            }
        }

        return copy;
    }
}
