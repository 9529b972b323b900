using LayerCake.Kernels;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>The forward pass on the CPU: float32 arithmetic on 16-bit values, int4 weights packed. The same bits for any number of threads and any batch.</summary>
internal sealed unsafe class CpuBackend<T> : IBackend
    where T : struct, IHalfType
{
    private const int LogitRows = 32;

    private readonly EngineConfiguration _c;
    private readonly ModelWeights<T> _weights;
    private readonly WorkerPool _workers;
    private readonly MatrixProduct<T> _product;
    private readonly IPagedAttention _attention;
    private readonly AttentionWork _attentionWork;
    private readonly RowWork _rowWork;
    private PassMemory _memory;
    private FloatBuffer? _logits;

    /// <param name="weights">Owned from now on.</param>
    /// <param name="scales">Of an int8 cache; null for one in the model's type.</param>
    public CpuBackend(EngineConfiguration configuration, ModelWeights<T> weights, KeyValueScales? scales, int threads)
    {
        (_c, _weights) = (configuration, weights);
        KeyValueCache = scales is null ? KeyValueCacheType.Float : KeyValueCacheType.Int8;
        _workers = new WorkerPool(threads);
        _product = new MatrixProduct<T>(_workers);
        _attention = scales is null ? new PagedAttention<T, HalfElement<T>>() : new PagedAttention<T, ByteElement<T>>();
        _attentionWork = new AttentionWork(_attention, _workers, _c.HeadCount, _c.KeyValueHeadCount, scales);
        _rowWork = new RowWork(_workers);
        _memory = new PassMemory(_c, 1);
    }

    public long WeightBytes => _weights.ByteCount;

    public long DeviceBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public KeyValueCacheType KeyValueCache { get; }

    public long CacheBytesPerToken => 2L * _c.KeyValueHeadCount * _c.SizePerHead * _attention.ElementSize;

    public BlockPool CreatePool(int layerCount, int blockTokens, int limit) =>
        new CpuBlockPool(layerCount, _c.KeyValueHeadCount, _c.SizePerHead, _attention.ElementSize, blockTokens, limit);

    public bool Forward(ForwardBatch batch, IActivationObserver? observer, Func<bool>? isAborted)
    {
        Prepare(batch);
        var rows = batch.RowCount;
        for (var row = 0; row < rows; row++)
        {
            var embedding = (ushort*)_weights.Embedding!.Pointer + ((nint)batch.Ids[row] * _c.HiddenSize);
            Rows<T>.Widen(embedding, _memory.Hidden + (row * _memory.HiddenStride), _c.HiddenSize);
        }

        Norm(rows, _weights.Layers[0].AttentionNorm);
        for (var layer = 0; layer < _weights.Layers.Count; layer++)
        {
            if (isAborted?.Invoke() == true)
            {
                return false;
            }

            var isLast = layer + 1 == _weights.Layers.Count;
            Layer(layer, layer, batch, isLast ? _weights.FinalNorm : _weights.Layers[layer + 1].AttentionNorm, observer);
        }

        return true;
    }

    public void Logits(ReadOnlySpan<int> rows, Span<float> logits)
    {
        var head = _weights.Head;
        var stride = (nint)head.PanelCount * WeightMatrix.Columns;
        if (_logits is null)
        {
            _logits = new FloatBuffer(LogitRows * stride);
        }

        // Added is free between passes: the chosen rows lie side by side there.
        for (var done = 0; done < rows.Length; done += LogitRows)
        {
            var count = Math.Min(LogitRows, rows.Length - done);
            for (var i = 0; i < count; i++)
            {
                var from = new ReadOnlySpan<float>(_memory.Normed + (rows[done + i] * _memory.HiddenStride), _c.HiddenSize);
                from.CopyTo(new Span<float>(_memory.Added + (i * _memory.HiddenStride), _c.HiddenSize));
            }

            _product.Multiply(head, _memory.Added, _memory.HiddenStride, count, _logits.Pointer, stride, round: false);
            for (var i = 0; i < count; i++)
            {
                new ReadOnlySpan<float>(_logits.Pointer + (i * stride), _c.VocabularySize).CopyTo(logits[((done + i) * _c.VocabularySize)..]);
            }
        }
    }

    public void RunLayer(int layer, ForwardBatch batch, Span<float> hidden, IActivationObserver? observer)
    {
        Prepare(batch);
        hidden.CopyTo(new Span<float>(_memory.Hidden, hidden.Length));
        Rows<T>.Round(_memory.Hidden, hidden.Length);
        Norm(batch.RowCount, _weights.Layers[layer].AttentionNorm);
        Layer(layer, 0, batch, _weights.FinalNorm, observer);
        new ReadOnlySpan<float>(_memory.Hidden, hidden.Length).CopyTo(hidden);
    }

    public void ReadWeight(int layer, Linear linear, int firstInput, Span<float> destination)
    {
        var matrix = _weights.Layers[layer].Matrix(linear);
        var rows = destination.Length / matrix.Outputs;
        using var scratch = new FloatBuffer(Math.Max(1, rows) * WeightMatrix.Columns);
        for (var panel = 0; panel < matrix.PanelCount; panel++)
        {
            matrix.Expand(panel, firstInput, rows, scratch.Pointer);
            var column = panel * WeightMatrix.Columns;
            var count = Math.Min(WeightMatrix.Columns, matrix.Outputs - column);
            for (var row = 0; row < rows; row++)
            {
                new ReadOnlySpan<float>(scratch.Pointer + (row * WeightMatrix.Columns), count).CopyTo(destination[((row * matrix.Outputs) + column)..]);
            }
        }
    }

    public void Dispose()
    {
        _workers.Dispose();
        _product.Dispose();
        _attentionWork.Dispose();
        _memory.Dispose();
        _logits?.Dispose();
        _weights.Dispose();
    }

    /// <summary>One layer; what the norm after it makes of its result is left in Normed.</summary>
    private void Layer(int layer, int cacheLayer, ForwardBatch batch, FloatBuffer nextNorm, IActivationObserver? observer)
    {
        var weights = _weights.Layers[layer];
        var rows = batch.RowCount;
        var m = _memory;
        Show(Activation.LayerInput, m.Hidden, m.HiddenStride, _c.HiddenSize);
        Show(Activation.AttentionInput, m.Normed, m.HiddenStride, _c.HiddenSize);
        _product.Multiply(weights.QueryKeyValue, m.Normed, m.HiddenStride, rows, m.QueryKeyValue, m.QueryKeyValueStride);
        _rowWork.Run(rows, this, weights, null, RowPart.Rotate);
        Show(Activation.Query, m.QueryKeyValue, m.QueryKeyValueStride, _c.HiddenSize);
        var keyWidth = _c.KeyValueHeadCount * _c.SizePerHead;
        Show(Activation.Key, m.QueryKeyValue + _c.HiddenSize, m.QueryKeyValueStride, keyWidth);
        Show(Activation.Value, m.QueryKeyValue + _c.HiddenSize + keyWidth, m.QueryKeyValueStride, keyWidth);

        _attentionWork.Run(batch, m, layer, cacheLayer);
        Show(Activation.AttentionHeads, m.Normed, m.HiddenStride, _c.HiddenSize);
        _product.Multiply(weights.AttentionOutput, m.Normed, m.HiddenStride, rows, m.Added, m.HiddenStride);
        Show(Activation.AttentionOutput, m.Added, m.HiddenStride, _c.HiddenSize);
        _rowWork.Run(rows, this, weights, weights.FeedForwardNorm, RowPart.AddAttention);

        Show(Activation.FeedForwardInput, m.Normed, m.HiddenStride, _c.HiddenSize);
        _product.Multiply(weights.Gate, m.Normed, m.HiddenStride, rows, m.Gate, m.InnerStride);
        _product.Multiply(weights.Up, m.Normed, m.HiddenStride, rows, m.Up, m.InnerStride);
        _rowWork.Run(rows, this, weights, null, RowPart.SwiGlu);
        Show(Activation.FeedForwardInner, m.Gate, m.InnerStride, _c.IntermediateSize);
        _product.Multiply(weights.Down, m.Gate, m.InnerStride, rows, m.Added, m.HiddenStride);
        Show(Activation.FeedForwardOutput, m.Added, m.HiddenStride, _c.HiddenSize);
        _rowWork.Run(rows, this, weights, nextNorm, RowPart.AddFeedForward);
        Show(Activation.LayerOutput, m.Hidden, m.HiddenStride, _c.HiddenSize);

        void Show(Activation activation, float* values, nint stride, int columns)
        {
            if (observer?.Wants(activation) == true)
            {
                this.Show(observer, layer, activation, batch.Segments[0].Start, rows, values, stride, columns);
            }
        }
    }

    private void Show(
        IActivationObserver observer, int layer, Activation activation, int position, int rows, float* values, nint stride, int columns)
    {
        if (stride == columns)
        {
            observer.Observe(layer, activation, position, columns, new ReadOnlySpan<float>(values, rows * columns));
            return;
        }

        using var packed = new FloatBuffer((long)rows * columns);
        for (var row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(values + (row * stride), columns).CopyTo(new Span<float>(packed.Pointer + ((nint)row * columns), columns));
        }

        observer.Observe(layer, activation, position, columns, new ReadOnlySpan<float>(packed.Pointer, rows * columns));
    }

    private void Norm(int rows, FloatBuffer weight)
    {
        for (var row = 0; row < rows; row++)
        {
            Rows<T>.Norm(
                _memory.Hidden + (row * _memory.HiddenStride), _memory.Normed + (row * _memory.HiddenStride), _c.HiddenSize, weight.Pointer, Epsilon);
        }
    }

    private float Epsilon => (float)_c.NormEpsilon.Value;

    private void Prepare(ForwardBatch batch)
    {
        if (_memory.Capacity < Math.Max(batch.RowCount, LogitRows))
        {
            _memory.Dispose();
            _memory = new PassMemory(_c, Math.Max(batch.RowCount, LogitRows));
        }

        foreach (var segment in batch.Segments)
        {
            for (var i = 0; i < segment.Count; i++)
            {
                Angles(segment.FirstRow + i, segment.Start + i, segment.InverseFrequencies);
            }
        }
    }

    private void Angles(int row, int position, float[] frequencies)
    {
        var cosines = _memory.Cosines + ((nint)row * _c.SizePerHead);
        var sines = _memory.Sines + ((nint)row * _c.SizePerHead);
        for (var i = 0; i < frequencies.Length; i++)
        {
            // The angle is rounded to float32 as in the engine; its functions in float64 are the same on every system but for the last bit of that.
            var (sine, cosine) = Math.SinCos(position * frequencies[i]);
            cosines[2 * i] = cosines[(2 * i) + 1] = (float)cosine;
            sines[2 * i] = -(float)sine;
            sines[(2 * i) + 1] = (float)sine;
        }

        _memory.LogN[row] = LogN.Of(_c, position);
    }

    /// <summary>What is done to a row between products.</summary>
    private enum RowPart
    {
        Rotate,
        AddAttention,
        SwiGlu,
        AddFeedForward,
    }

    /// <summary>Runs a <see cref="RowPart"/> over the rows, on all threads where there are many.</summary>
    private sealed class RowWork(WorkerPool workers) : IWork
    {
        // A row is about a microsecond, as long as calling the other threads takes.
        private const int RowsWorthSharing = 16;

        private CpuBackend<T> _backend = null!;
        private LayerWeights _weights = null!;
        private FloatBuffer? _norm;
        private RowPart _part;

        public void Run(int rows, CpuBackend<T> backend, LayerWeights weights, FloatBuffer? norm, RowPart part)
        {
            (_backend, _weights, _norm, _part) = (backend, weights, norm, part);
            if (rows >= RowsWorthSharing)
            {
                workers.Run(rows, this);
                return;
            }

            for (var row = 0; row < rows; row++)
            {
                Run(row);
            }
        }

        void IWork.Run(int item, int worker) => Run(item);

        private void Run(int item)
        {
            var (m, c) = (_backend._memory, _backend._c);
            var hidden = m.Hidden + (item * m.HiddenStride);
            var normed = m.Normed + (item * m.HiddenStride);
            var added = m.Added + (item * m.HiddenStride);
            switch (_part)
            {
                case RowPart.Rotate:
                    var line = m.QueryKeyValue + (item * m.QueryKeyValueStride);
                    if (_weights.QueryKeyValueBias is { } bias)
                    {
                        Rows<T>.AddBias(line, bias.Pointer, m.QueryKeyValueStride);
                    }

                    var cosines = m.Cosines + ((nint)item * c.SizePerHead);
                    var sines = m.Sines + ((nint)item * c.SizePerHead);
                    Rows<T>.Rotate(line, c.HeadCount, c.SizePerHead, cosines, sines, m.LogN[item]);
                    Rows<T>.Rotate(line + c.HiddenSize, c.KeyValueHeadCount, c.SizePerHead, cosines, sines, 1f);
                    break;
                case RowPart.SwiGlu:
                    Rows<T>.SwiGlu(m.Gate + (item * m.InnerStride), m.Up + (item * m.InnerStride), m.InnerStride, c.WeightType == WeightType.Int4);
                    break;
                default:
                    var addedBias = _part == RowPart.AddAttention ? _weights.AttentionOutputBias : null;
                    Rows<T>.AddNorm(
                        hidden, added, addedBias is null ? null : addedBias.Pointer, normed, c.HiddenSize, _norm!.Pointer, _backend.Epsilon);
                    break;
            }
        }
    }
}
