using LayerCake.TurboMind;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>The engine's two kinds of attention in float32 operations of libtorch; see <see cref="PagedAttention{T, TElement}"/>.</summary>
internal sealed class TorchAttention(EngineConfiguration configuration, TorchCache cache, ScalarType type)
{
    private readonly int _heads = configuration.HeadCount;
    private readonly int _keyValueHeads = configuration.KeyValueHeadCount;
    private readonly int _headSize = configuration.SizePerHead;

    /// <summary>Puts a segment's keys and values into its blocks and computes its rows.</summary>
    /// <param name="q">float32 [rows, heads, 128]; k and v likewise of the KV heads.</param>
    /// <param name="decoded">Whether each row is a decoding step.</param>
    /// <returns>[rows, heads · 128], rounded to the model's type.</returns>
    public Tensor Run(Segment segment, int layer, int cacheLayer, Tensor q, Tensor k, Tensor v, ReadOnlySpan<bool> decoded)
    {
        var pool = (TorchBlockPool)segment.Pool;
        var (keys, values) = (k.transpose(0, 1).contiguous(), v.transpose(0, 1).contiguous());
        pool.Store(segment, 0, cacheLayer, cache.ToElements(keys, layer, 0));
        pool.Store(segment, 1, cacheLayer, cache.ToElements(values, layer, 1));
        var length = segment.Start + segment.Count;
        var cachedKeys = pool.Gather(segment, 0, cacheLayer, length);
        var cachedValues = pool.Gather(segment, 1, cacheLayer, length);
        var queries = q.transpose(0, 1).reshape(_keyValueHeads, _heads / _keyValueHeads, segment.Count, _headSize);
        Tensor? result = null;
        if (decoded.Contains(false))
        {
            result = Prompt(segment, queries, cache.ReadPrefill(cachedKeys, layer, 0), cache.ReadPrefill(cachedValues, layer, 1));
        }

        if (decoded.Contains(true))
        {
            result ??= empty([segment.Count, configuration.HiddenSize], ScalarType.Float32, q.device);
            var (decodeKeys, decodeValues) = (cache.ReadDecode(cachedKeys, layer, 0), cache.ReadDecode(cachedValues, layer, 1));
            for (var row = 0; row < segment.Count; row++)
            {
                if (decoded[row])
                {
                    var step = Step(queries.narrow(2, row, 1), decodeKeys, decodeValues, keys.narrow(1, row, 1), values.narrow(1, row, 1), segment.Start + row);
                    result.narrow(0, row, 1).copy_(step);
                }
            }
        }

        return result!;
    }

    /// <summary>All rows at once, each seeing itself and those before; weights are rounded before they meet the values.</summary>
    private Tensor Prompt(Segment segment, Tensor queries, Tensor keys, Tensor values)
    {
        using var scope = NewDisposeScope();
        var scores = matmul(queries, keys.unsqueeze(1).transpose(-1, -2)).mul_(1 / Math.Sqrt(_headSize));
        var hidden = ones([segment.Count, keys.shape[1]], ScalarType.Bool, queries.device).triu(segment.Start + 1);
        scores.masked_fill_(hidden, double.NegativeInfinity);
        return Weighted(scores, values, round: true).MoveToOuterDisposeScope();
    }

    /// <summary>One row: its own key and value as they are, those before it from the cache.</summary>
    private Tensor Step(Tensor query, Tensor keys, Tensor values, Tensor ownKey, Tensor ownValue, int position)
    {
        using var scope = NewDisposeScope();
        keys = cat([keys.narrow(1, 0, position), ownKey], 1);
        values = cat([values.narrow(1, 0, position), ownValue], 1);
        var scores = matmul(query, keys.unsqueeze(1).transpose(-1, -2)).mul_(1 / Math.Sqrt(_headSize));
        return Weighted(scores, values, round: false).MoveToOuterDisposeScope();
    }

    private Tensor Weighted(Tensor scores, Tensor values, bool round)
    {
        var weights = (scores - scores.amax([-1L], keepdim: true)).exp_();
        var total = weights.sum(-1, keepdim: true);
        var result = matmul(round ? weights.to(type).to(ScalarType.Float32) : weights, values.unsqueeze(1)) / total;
        return result.permute(2, 0, 1, 3).reshape(scores.shape[2], configuration.HiddenSize).to(type).to(ScalarType.Float32);
    }
}
