using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>Passes keys and values through an int8 cache before attention reads them, as the engine's prefill does, those of the same step too.</summary>
/// <param name="ranks">The scales of a layer, rank by rank; the KV heads are split evenly among them.</param>
/// <param name="headDimension">Channels of a head.</param>
internal sealed unsafe class Int8Cache(KeyValueScale[] ranks, int headDimension) : IRowObserver
{
    public void Observe(Activation activation, float* values, int rows, nint stride, int channels)
    {
        if (activation is not (Activation.RotatedKey or Activation.Value))
        {
            return;
        }

        var width = channels / headDimension / ranks.Length * headDimension;
        for (var rank = 0; rank < ranks.Length; rank++)
        {
            var range = activation == Activation.Value ? ranks[rank].Values : ranks[rank].Keys;
            for (var row = 0; row < rows; row++)
            {
                Restore(values + (row * stride) + (rank * width), width, range);
            }
        }
    }

    /// <summary>Stores and reads back as the Runtime does, whose cache is the engine's byte for byte. Heads are whole vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Restore(float* values, int count, Int8Range range)
    {
        var stored = new Runtime.KeyValueScale(range.Scale, range.ZeroPoint);
        var (scale, offset) = (Vector512.Create(stored.Scale), Vector512.Create(stored.PrefillOffset));
        var bytes = stackalloc byte[Float16Lanes.Width];
        for (var i = 0; i < count; i += Float16Lanes.Width)
        {
            Runtime.ByteElement<Float16Type>.Store(Vector512.Load(values + i), bytes, stored);
            Runtime.ByteElement<Float16Type>.LoadPrefill(bytes, scale, offset).Store(values + i);
        }
    }
}

/// <summary>Keys and values stay in float16.</summary>
internal sealed unsafe class FloatCache : IRowObserver
{
    public static FloatCache Instance { get; } = new();

    public void Observe(Activation activation, float* values, int rows, nint stride, int channels)
    {
    }
}
