using LayerCake.TurboMind;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>
/// The forward pass in libtorch: products in the model's 16-bit type, which a GPU sums in float32, and float32 between them, rounded where the engine stores a tensor.
/// Int4 layers are dequantized when their turn comes. On libtorch's CPU, whose 16-bit products are hundreds of times slower, products are float32 and then rounded.
/// </summary>
internal sealed class TorchBackend : IBackend
{
    // Columns of the head that are float32 at a time.
    private const int HeadBlock = 8192;

    private readonly EngineConfiguration _c;
    private readonly TorchWeights _weights;
    private readonly TorchCache _cache;
    private readonly TorchAttention _attention;
    private readonly Device _device;
    private readonly ScalarType _type;
    private readonly bool _isNative;
    private Tensor? _states;

    /// <param name="weights">Owned from now on.</param>
    /// <param name="scales">Of an int8 cache; null for one in the model's type.</param>
    public TorchBackend(EngineConfiguration configuration, TorchWeights weights, KeyValueScales? scales, Device device)
    {
        (_c, _weights, _device, _type) = (configuration, weights, device, weights.Type);
        _isNative = device.type == DeviceType.CUDA;
        _cache = new TorchCache(configuration, _type, scales, device);
        _attention = new TorchAttention(configuration, _cache, _type);
        DeviceBytes = TorchMemory.Total(device);
    }

    public long WeightBytes => _weights.ByteCount;

    public long DeviceBytes { get; }

    public KeyValueCacheType KeyValueCache => _cache.IsInt8 ? KeyValueCacheType.Int8 : KeyValueCacheType.Float;

    public long CacheBytesPerToken => 2L * _c.KeyValueHeadCount * _c.SizePerHead * _cache.ElementSize;

    private long KeyValueWidth => (long)_c.KeyValueHeadCount * _c.SizePerHead;

    public BlockPool CreatePool(int layerCount, int blockTokens, int limit) => new TorchBlockPool(
        layerCount, _c.KeyValueHeadCount, _c.SizePerHead, _cache.ElementType, _cache.ElementSize, _device, blockTokens, limit);

    public bool Forward(ForwardBatch batch, IActivationObserver? observer, Func<bool>? isAborted)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var pass = new Pass(batch, observer, Rotary(batch));
        var ids = tensor(batch.Ids.Select(id => (long)id).ToArray(), device: _device);
        var hidden = _weights.Vector("tok_embeddings.weight").index_select(0, ids).to(ScalarType.Float32);
        var normed = Norm(hidden, hidden, AttentionNorm(0));
        for (var layer = 0; layer < _c.LayerCount; layer++)
        {
            if (isAborted?.Invoke() == true)
            {
                return false;
            }

            using var inner = NewDisposeScope();
            (hidden, normed) = Layer(pass, layer, layer, hidden, normed, layer + 1 == _c.LayerCount ? "norm.weight" : AttentionNorm(layer + 1));
            hidden.MoveToOuterDisposeScope();
            normed.MoveToOuterDisposeScope();
        }

        _states?.Dispose();
        _states = normed.DetachFromDisposeScope();
        return true;
    }

    public void Logits(ReadOnlySpan<int> rows, Span<float> logits)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var states = _states!.index_select(0, tensor(rows.ToArray().Select(row => (long)row).ToArray(), device: _device));
        var head = _weights.Vector("output.weight");
        var parts = new List<Tensor>();
        for (long first = 0; first < _c.VocabularySize; first += HeadBlock)
        {
            using var inner = NewDisposeScope();
            var block = head.narrow(0, first, Math.Min(HeadBlock, _c.VocabularySize - first)).to(ScalarType.Float32);
            parts.Add(matmul(states, block.t()).MoveToOuterDisposeScope());
        }

        TorchMemory.Download(cat(parts, 1), logits);
    }

    public void RunLayer(int layer, ForwardBatch batch, Span<float> hidden, IActivationObserver? observer)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var states = Round(TorchMemory.Upload(hidden, _device, batch.RowCount, _c.HiddenSize));
        var normed = Norm(states, states, AttentionNorm(layer));
        (states, _) = Layer(new Pass(batch, observer, Rotary(batch)), layer, 0, states, normed, "norm.weight");
        TorchMemory.Download(states, hidden);
    }

    public void ReadWeight(int layer, Linear linear, int firstInput, Span<float> destination)
    {
        using var scope = NewDisposeScope();
        var prefix = WeightFile.LayerPrefix(layer);
        var weight = linear switch
        {
            Linear.QueryKeyValue => Weight(prefix + "attention.w_qkv"),
            Linear.AttentionOutput => Weight(prefix + "attention.wo"),
            Linear.Down => Weight(prefix + "feed_forward.w2"),
            _ when _weights.IsInt4 => Weight(prefix + "feed_forward.w13").view(_c.HiddenSize, -1, 2).select(-1, linear == Linear.Gate ? 0 : 1),
            _ => Weight(prefix + (linear == Linear.Gate ? "feed_forward.w1" : "feed_forward.w3")),
        };
        TorchMemory.Download(weight.narrow(0, firstInput, destination.Length / weight.shape[1]), destination);
    }

    public void Dispose()
    {
        _states?.Dispose();
        _cache.Dispose();
        _weights.Dispose();
    }

    private static string AttentionNorm(int layer) => WeightFile.LayerPrefix(layer) + "attention_norm.weight";

    private (Tensor Hidden, Tensor Normed) Layer(Pass pass, int layer, int cacheLayer, Tensor hidden, Tensor normed, string nextNorm)
    {
        var prefix = WeightFile.LayerPrefix(layer);
        pass.Show(layer, Activation.LayerInput, hidden);
        pass.Show(layer, Activation.AttentionInput, normed);
        var (q, k, v) = QueryKeyValue(pass, prefix, normed);
        pass.Show(layer, Activation.Query, q);
        pass.Show(layer, Activation.Key, k);
        pass.Show(layer, Activation.Value, v);
        var heads = Attend(pass, layer, cacheLayer, q, k, v);
        pass.Show(layer, Activation.AttentionHeads, heads);
        var added = Multiply(heads, prefix + "attention.wo");
        pass.Show(layer, Activation.AttentionOutput, added);
        var sum = hidden + added;
        if (_weights.HasVector(prefix + "attention.wo.bias"))
        {
            sum += _weights.Vector(prefix + "attention.wo.bias").to(ScalarType.Float32);
        }

        hidden = Round(sum);
        normed = Norm(sum, hidden, prefix + "ffn_norm.weight");
        pass.Show(layer, Activation.FeedForwardInput, normed);
        var gated = Gated(prefix, normed);
        pass.Show(layer, Activation.FeedForwardInner, gated);
        added = Multiply(gated, prefix + "feed_forward.w2");
        pass.Show(layer, Activation.FeedForwardOutput, added);
        sum = hidden + added;
        hidden = Round(sum);
        normed = Norm(sum, hidden, nextNorm);
        pass.Show(layer, Activation.LayerOutput, hidden);
        return (hidden, normed);
    }

    private (Tensor Q, Tensor K, Tensor V) QueryKeyValue(Pass pass, string prefix, Tensor normed)
    {
        var joined = Multiply(normed, prefix + "attention.w_qkv");
        if (_weights.HasVector(prefix + "attention.w_qkv.bias"))
        {
            joined = Round(joined + _weights.Vector(prefix + "attention.w_qkv.bias").to(ScalarType.Float32));
        }

        var q = Rotate(joined.narrow(1, 0, _c.HiddenSize), pass.Rotary);
        if (pass.Rotary.LogN is { } logN)
        {
            q = Round(q * logN);
        }

        return (q, Rotate(joined.narrow(1, _c.HiddenSize, KeyValueWidth), pass.Rotary), joined.narrow(1, _c.HiddenSize + KeyValueWidth, KeyValueWidth));
    }

    private Tensor Attend(Pass pass, int layer, int cacheLayer, Tensor q, Tensor k, Tensor v)
    {
        bool[] decoded = [.. pass.Batch.Decoded];
        var parts = new List<Tensor>();
        foreach (var segment in pass.Batch.Segments)
        {
            using var scope = NewDisposeScope();
            parts.Add(_attention.Run(
                segment,
                layer,
                cacheLayer,
                Heads(q, segment),
                Heads(k, segment),
                Heads(v, segment),
                decoded.AsSpan(segment.FirstRow, segment.Count)).MoveToOuterDisposeScope());
        }

        return parts.Count == 1 ? parts[0] : cat(parts, 0);

        Tensor Heads(Tensor rows, Segment segment) => rows.narrow(0, segment.FirstRow, segment.Count).reshape(segment.Count, -1, _c.SizePerHead);
    }

    private Tensor Gated(string prefix, Tensor normed)
    {
        if (_weights.IsInt4)
        {
            // One rounding, as the engine's fused product has.
            var both = Multiply(normed, prefix + "feed_forward.w13").view(normed.shape[0], -1, 2);
            return Round(nn.functional.silu(both.select(-1, 0)) * both.select(-1, 1));
        }

        return Round(Round(nn.functional.silu(Multiply(normed, prefix + "feed_forward.w1"))) * Multiply(normed, prefix + "feed_forward.w3"));
    }

    /// <summary>float32 rows times a linear's weights, rounded to the model's type.</summary>
    private Tensor Multiply(Tensor rows, string linear)
    {
        using var scope = NewDisposeScope();
        var weight = Weight(linear);
        var product = _isNative ? matmul(rows.to(_type), weight).to(ScalarType.Float32) : Round(matmul(rows, weight.to(ScalarType.Float32)));
        return product.MoveToOuterDisposeScope();
    }

    private Tensor Weight(string linear) => _weights.Linear(linear).Weight();

    private Tensor Round(Tensor values) => values.to(_type).to(ScalarType.Float32);

    /// <summary>rms norm of rows, whose squares are those of <paramref name="unrounded"/>.</summary>
    private Tensor Norm(Tensor unrounded, Tensor rows, string weight)
    {
        using var scope = NewDisposeScope();
        var scale = rsqrt(unrounded.square().mean([-1L], keepdim: true) + _c.NormEpsilon.Value);
        return Round(rows * scale * _weights.Vector(weight).to(ScalarType.Float32)).MoveToOuterDisposeScope();
    }

    private Tensor Rotate(Tensor rows, RotaryRows rotary)
    {
        using var scope = NewDisposeScope();
        var pairs = rows.reshape(rows.shape[0], -1, _c.SizePerHead / 2, 2);
        var (x, y) = (pairs.select(-1, 0), pairs.select(-1, 1));
        var rotated = stack([(x * rotary.Cosines) - (y * rotary.Sines), (y * rotary.Cosines) + (x * rotary.Sines)], -1);
        return Round(rotated.reshape(rows.shape[0], -1)).MoveToOuterDisposeScope();
    }

    /// <summary>Cosines and sines [rows, 1, 64] of every row's position.</summary>
    private RotaryRows Rotary(ForwardBatch batch)
    {
        var half = _c.SizePerHead / 2;
        var cosines = new float[batch.RowCount * half];
        var sines = new float[batch.RowCount * half];
        var logN = new float[batch.RowCount];
        foreach (var segment in batch.Segments)
        {
            for (var row = 0; row < segment.Count; row++)
            {
                var position = segment.Start + row;
                logN[segment.FirstRow + row] = LogN.Of(_c, position);
                for (var i = 0; i < half; i++)
                {
                    var (sine, cosine) = Math.SinCos(position * segment.InverseFrequencies[i]);
                    cosines[((segment.FirstRow + row) * half) + i] = (float)cosine;
                    sines[((segment.FirstRow + row) * half) + i] = (float)sine;
                }
            }
        }

        return new RotaryRows(
            TorchMemory.Upload(cosines, _device, batch.RowCount, 1, half),
            TorchMemory.Upload(sines, _device, batch.RowCount, 1, half),
            logN.All(factor => factor == 1f) ? null : TorchMemory.Upload(logN, _device, batch.RowCount, 1));
    }

    private sealed record RotaryRows(Tensor Cosines, Tensor Sines, Tensor? LogN);

    /// <summary>What a pass carries from layer to layer.</summary>
    private sealed record Pass(ForwardBatch Batch, IActivationObserver? Observer, RotaryRows Rotary)
    {
        public void Show(int layer, Activation activation, Tensor values)
        {
            if (Observer?.Wants(activation) == true)
            {
                var rows = new float[values.NumberOfElements];
                TorchMemory.Download(values, rows);
                Observer.Observe(layer, activation, Batch.Segments[0].Start, (int)values.shape[1], rows);
            }
        }
    }
}
