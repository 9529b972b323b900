using LayerCake.Kernels;
using LayerCake.Models;

namespace LayerCake.Torch.Layers;

/// <summary>
/// One thread's activations of one sample, in float32. Rows are padded to whole panels of 32 and the padding stays zero.
/// </summary>
internal sealed unsafe class CpuLayerWorkspace : IDisposable
{
    private readonly FloatBuffer _memory;

    /// <param name="rows">Tokens of a sample.</param>
    public CpuLayerWorkspace(ModelConfiguration configuration, int rows)
    {
        Rows = rows;
        HiddenStride = PanelProduct.Stride(configuration.HiddenSize);
        KeyValueStride = PanelProduct.Stride(configuration.KeyValueSize);
        InnerStride = PanelProduct.Stride(configuration.IntermediateSize);
        _memory = new FloatBuffer(FloatCount(configuration, rows));

        var next = _memory.Pointer;
        Scratch = Take(PackedMatrix.DepthBlock * PanelProduct.Columns);
        Hidden = Take(rows * HiddenStride);
        Normed = Take(rows * HiddenStride);
        Queries = Take(rows * HiddenStride);
        Keys = Take(rows * KeyValueStride);
        Values = Take(rows * KeyValueStride);
        Gate = Take(rows * InnerStride);
        Up = Take(rows * InnerStride);
        Attention = new CausalAttention(rows, configuration.HeadDimension, next);

        float* Take(nint count)
        {
            var taken = next;
            next += count;
            return taken;
        }
    }

    public int Rows { get; }

    public nint HiddenStride { get; }

    public nint KeyValueStride { get; }

    public nint InnerStride { get; }

    /// <summary>The sample's hidden states, in and out.</summary>
    public float* Hidden { get; }

    public float* Normed { get; }

    public float* Queries { get; }

    public float* Keys { get; }

    public float* Values { get; }

    public float* Gate { get; }

    public float* Up { get; }

    public float* Scratch { get; }

    public CausalAttention Attention { get; }

    /// <summary>Bytes of one workspace.</summary>
    public static long MemoryFor(ModelConfiguration configuration, int rows) => FloatCount(configuration, rows) * sizeof(float);

    public void Dispose() => _memory.Dispose();

    private static long FloatCount(ModelConfiguration configuration, int rows) =>
        (PackedMatrix.DepthBlock * PanelProduct.Columns)
        + (rows * (long)((3 * PanelProduct.Stride(configuration.HiddenSize)) + (2 * PanelProduct.Stride(configuration.KeyValueSize)) + (2 * PanelProduct.Stride(configuration.IntermediateSize))))
        + CausalAttention.MemoryFor(rows, configuration.HeadDimension);
}
