using System.Collections.Immutable;
using System.Globalization;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>A file of the weights folder as the engine expects it: headerless, little-endian, row-major.</summary>
/// <param name="Name">File name within <c>triton_models/weights</c>.</param>
/// <param name="DType">Element type; packed int4 words and scale/zero words are U32.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="ByteCount">Exact size.</param>
/// <param name="IsOptional">The engine does without it: KV scales.</param>
public sealed record WeightFile(string Name, DType DType, ImmutableArray<long> Shape, long ByteCount, bool IsOptional = false)
{
    /// <summary>Four float32: k_scale, k_zp, v_scale, v_zp. The engine crashes on a file of another size.</summary>
    public const int KeyValueScaleBytes = 16;

    /// <summary>The rank goes between the name and its last extension: layers.0.attention.wo.1.qweight.</summary>
    public static string Ranked(string name, int rank, string extension) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}.{rank}.{extension}");

    public static string LayerPrefix(int layer) => string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.");

    public static string KeyValueScale(int layer, int rank) => Ranked(LayerPrefix(layer) + "past_kv_scale", rank, "weight");

    /// <summary>Every weight file of a workspace with this configuration, in the order of embedding, layers, norm, head.</summary>
    public static IEnumerable<WeightFile> Expected(EngineConfiguration c)
    {
        var half = c.WeightType == WeightType.BFloat16 ? DType.BF16 : DType.F16;
        yield return Of("tok_embeddings.weight", half, c.PaddedVocabularySize, c.HiddenSize);
        for (var layer = 0; layer < c.LayerCount; layer++)
        {
            foreach (var file in LayerFiles(c, half, LayerPrefix(layer)))
            {
                yield return file;
            }

            for (var rank = 0; rank < c.TensorParallel; rank++)
            {
                yield return Of(KeyValueScale(layer, rank), DType.F32, 4) with { IsOptional = true };
            }
        }

        yield return Of("norm.weight", half, c.HiddenSize);
        yield return Of("output.weight", half, c.PaddedVocabularySize, c.HiddenSize);
    }

    private static IEnumerable<WeightFile> LayerFiles(EngineConfiguration c, DType half, string layer)
    {
        long hidden = c.HiddenSize;
        var attention = (hidden + (2L * c.KeyValueHeadCount * c.SizePerHead)) / c.TensorParallel;
        long inner = c.IntermediateSize / c.TensorParallel;
        var outputInputs = hidden / c.TensorParallel;
        var isInt4 = c.WeightType == WeightType.Int4;
        (string Name, long Inputs, long Outputs)[] linears = isInt4
            ?
            [
                ("attention.w_qkv", hidden, attention), ("attention.wo", outputInputs, hidden),
                ("feed_forward.w13", hidden, 2 * inner), ("feed_forward.w2", inner, hidden),
            ]
            :
            [
                ("attention.w_qkv", hidden, attention), ("attention.wo", outputInputs, hidden),
                ("feed_forward.w1", hidden, inner), ("feed_forward.w3", hidden, inner), ("feed_forward.w2", inner, hidden),
            ];
        for (var rank = 0; rank < c.TensorParallel; rank++)
        {
            foreach (var (name, inputs, outputs) in linears)
            {
                if (isInt4)
                {
                    yield return Of(Ranked(layer + name, rank, "qweight"), DType.U32, inputs / 32, outputs / 32, 128);
                    yield return Of(Ranked(layer + name, rank, "scales_zeros"), DType.U32, c.GroupSize > 0 ? inputs / c.GroupSize : 0, outputs);
                }
                else
                {
                    yield return Of(Ranked(layer + name, rank, "weight"), half, inputs, outputs);
                }
            }

            if (c.AttentionBias)
            {
                yield return Of(Ranked(layer + "attention.w_qkv", rank, "bias"), half, attention);
                yield return Of(Ranked(layer + "attention.wo", rank, "bias"), half, hidden);
            }
        }

        yield return Of(layer + "attention_norm.weight", half, hidden);
        yield return Of(layer + "ffn_norm.weight", half, hidden);
    }

    private static WeightFile Of(string name, DType type, params ReadOnlySpan<long> shape)
    {
        long bytes = type is DType.F32 or DType.U32 ? 4 : 2;
        foreach (var dimension in shape)
        {
            bytes *= dimension;
        }

        return new WeightFile(name, type, [.. shape], bytes);
    }
}
