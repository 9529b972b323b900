using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>Attention over a paged cache, one KV head of one segment at a time.</summary>
internal interface IPagedAttention
{
    /// <summary>Bytes of an element of the cache.</summary>
    int ElementSize { get; }

    /// <summary>Puts the keys and values of a row into the cache.</summary>
    unsafe void Append(in AttentionHead head, int row, float* key, float* value);

    /// <summary>Computes all rows of a segment for the query heads of one KV head. The cache holds their keys and values.</summary>
    unsafe void Run(in AttentionHead head, in AttentionRows rows, ref FloatBuffer? scratch);
}

/// <summary>One KV head of one segment.</summary>
internal readonly record struct AttentionHead(Segment Segment, int Layer, int Head, KeyValueScale KeyScale, KeyValueScale ValueScale);

/// <summary>Rows of q, k, v side by side, and of the result.</summary>
internal unsafe struct AttentionRows
{
    /// <summary>The segment's first row; query heads, then key heads, then value heads.</summary>
    public float* QueryKeyValue;

    public nint Stride;

    public float* Result;

    public nint ResultStride;

    public int QueryHeads;

    public int KeyValueHeads;

    /// <summary>Whether each row is a decoding step; see <see cref="ForwardBatch.Decoded"/>.</summary>
    public IReadOnlyList<bool> Decoded;

    public int FirstRow;
}
