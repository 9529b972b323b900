using LayerCake.Kernels;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>The activations of one forward pass, float32 rows padded to whole panels; grown when a pass has more rows than any before.</summary>
internal sealed unsafe class PassMemory : IDisposable
{
    private readonly List<FloatBuffer> _buffers = [];

    public PassMemory(EngineConfiguration c, int capacity)
    {
        Capacity = capacity;
        HiddenStride = c.HiddenSize;
        QueryKeyValueStride = c.HiddenSize + (2 * c.KeyValueHeadCount * c.SizePerHead);
        InnerStride = PanelProduct.Stride(c.IntermediateSize);
        Hidden = Rows(HiddenStride);
        Normed = Rows(HiddenStride);
        Added = Rows(HiddenStride);
        QueryKeyValue = Rows(QueryKeyValueStride);
        Gate = Rows(InnerStride);
        Up = Rows(InnerStride);
        Cosines = Rows(c.SizePerHead);
        Sines = Rows(c.SizePerHead);
        LogN = Rows(1);
    }

    public int Capacity { get; }

    public nint HiddenStride { get; }

    public nint QueryKeyValueStride { get; }

    public nint InnerStride { get; }

    public float* Hidden { get; }

    public float* Normed { get; }

    /// <summary>What a part of the layer adds to the residual stream.</summary>
    public float* Added { get; }

    public float* QueryKeyValue { get; }

    public float* Gate { get; }

    public float* Up { get; }

    /// <summary>[row][128], each cosine twice.</summary>
    public float* Cosines { get; }

    /// <summary>[row][128], each sine twice, the first of a pair negated.</summary>
    public float* Sines { get; }

    /// <summary>Per row what queries are multiplied by.</summary>
    public float* LogN { get; }

    public void Dispose() => _buffers.ForEach(buffer => buffer.Dispose());

    private float* Rows(nint stride)
    {
        var buffer = new FloatBuffer(Capacity * stride);
        _buffers.Add(buffer);
        return buffer.Pointer;
    }
}
