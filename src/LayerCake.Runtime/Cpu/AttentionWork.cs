using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>One layer's attention over all segments of a pass: an item is a KV head of a segment.</summary>
internal sealed unsafe class AttentionWork(IPagedAttention attention, WorkerPool workers, int queryHeads, int keyValueHeads, KeyValueScales? scales)
    : IWork, IDisposable
{
    private const int HeadSize = 128;

    private readonly FloatBuffer?[] _scratch = new FloatBuffer?[workers.Count];
    private ForwardBatch _batch = null!;
    private PassMemory _memory = null!;
    private int _layer;
    private int _cacheLayer;

    /// <summary>Appends the pass's keys and values to the cache and leaves the heads' results in <see cref="PassMemory.Normed"/>.</summary>
    /// <param name="layer">Which layer's scales.</param>
    /// <param name="cacheLayer">Which layer of the segments' blocks.</param>
    public void Run(ForwardBatch batch, PassMemory memory, int layer, int cacheLayer)
    {
        (_batch, _memory, _layer, _cacheLayer) = (batch, memory, layer, cacheLayer);
        workers.Run(batch.Segments.Count * keyValueHeads, this);
    }

    public void Run(int item, int worker)
    {
        var segment = _batch.Segments[item / keyValueHeads];
        var index = item % keyValueHeads;
        var head = new AttentionHead(
            segment, _cacheLayer, index, scales is null ? default : scales.Keys[_layer][index], scales is null ? default : scales.Values[_layer][index]);
        var rows = new AttentionRows
        {
            QueryKeyValue = _memory.QueryKeyValue + (segment.FirstRow * _memory.QueryKeyValueStride),
            Stride = _memory.QueryKeyValueStride,
            Result = _memory.Normed + (segment.FirstRow * _memory.HiddenStride),
            ResultStride = _memory.HiddenStride,
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            Decoded = _batch.Decoded,
            FirstRow = segment.FirstRow,
        };
        for (var row = 0; row < segment.Count; row++)
        {
            var line = rows.QueryKeyValue + (row * rows.Stride);
            attention.Append(head, row, line + ((nint)(queryHeads + index) * HeadSize), line + ((nint)(queryHeads + keyValueHeads + index) * HeadSize));
        }

        attention.Run(head, rows, ref _scratch[worker]);
    }

    public void Dispose()
    {
        foreach (var scratch in _scratch)
        {
            scratch?.Dispose();
        }
    }
}
