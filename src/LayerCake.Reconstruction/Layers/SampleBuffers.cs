using LayerCake.Models;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>The activations of one sample inside a layer, in float32. Rows are padded to whole panels of 32 and the padding stays zero.</summary>
internal sealed unsafe class SampleBuffers : IDisposable
{
    private readonly FloatBuffer _memory;

    public SampleBuffers(ModelConfiguration configuration, int tokens)
    {
        Tokens = tokens;
        HiddenStride = PanelProduct.Stride(configuration.HiddenSize);
        KeyValueStride = PanelProduct.Stride(configuration.KeyValueSize);
        InnerStride = PanelProduct.Stride(configuration.IntermediateSize);
        _memory = new FloatBuffer(FloatCount(configuration, tokens));
        var next = _memory.Pointer;
        Hidden = Take(HiddenStride);
        Normed = Take(HiddenStride);
        Queries = Take(HiddenStride);
        Keys = Take(KeyValueStride);
        Values = Take(KeyValueStride);
        Gate = Take(InnerStride);
        Up = Take(InnerStride);
        Transposed = Take(Math.Max(HiddenStride, InnerStride));
        Attention = new CausalAttention(tokens, configuration.HeadDimension, next);

        float* Take(nint stride)
        {
            var taken = next;
            next += tokens * stride;
            return taken;
        }
    }

    public int Tokens { get; }

    public nint HiddenStride { get; }

    public nint KeyValueStride { get; }

    public nint InnerStride { get; }

    public float* Hidden { get; }

    /// <summary>What a norm gives, and later what o or down gives.</summary>
    public float* Normed { get; }

    /// <summary>Queries, and then the joined heads.</summary>
    public float* Queries { get; }

    public float* Keys { get; }

    public float* Values { get; }

    /// <summary>gate, and then silu(gate) · up.</summary>
    public float* Gate { get; }

    public float* Up { get; }

    /// <summary>[channels][tokens] of some activation.</summary>
    public float* Transposed { get; }

    public CausalAttention Attention { get; }

    public static long MemoryFor(ModelConfiguration configuration, int tokens) => FloatCount(configuration, tokens) * sizeof(float);

    /// <summary>Fills <see cref="Transposed"/>.</summary>
    public void Transpose(float* values, nint stride, int channels)
    {
        const int Tile = 16;
        for (var token = 0; token < Tokens; token += Tile)
        {
            var tokens = Math.Min(Tile, Tokens - token);
            for (var channel = 0; channel < channels; channel++)
            {
                var to = Transposed + ((nint)channel * Tokens) + token;
                for (var i = 0; i < tokens; i++)
                {
                    to[i] = values[((token + i) * stride) + channel];
                }
            }
        }
    }

    public void Dispose() => _memory.Dispose();

    private static long FloatCount(ModelConfiguration configuration, int tokens)
    {
        var (hidden, keys, inner) = (PanelProduct.Stride(configuration.HiddenSize), PanelProduct.Stride(configuration.KeyValueSize), PanelProduct.Stride(configuration.IntermediateSize));
        return (tokens * (long)((3 * hidden) + (2 * keys) + (2 * inner) + Math.Max(hidden, inner))) + CausalAttention.MemoryFor(tokens, configuration.HeadDimension);
    }
}
