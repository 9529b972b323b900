using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>Blocks on a device of libtorch, each a tensor [K | V][layer][KV head][token][128] of the model's type or of bytes.</summary>
internal sealed class TorchBlockPool(int layerCount, int headCount, int headSize, ScalarType type, int elementSize, Device device, int blockTokens, int limit)
    : BlockPool(blockTokens, 2L * layerCount * headCount * blockTokens * headSize * elementSize, limit)
{
    private readonly List<Tensor> _blocks = [];

    /// <summary>Writes rows [KV heads, rows, 128] of keys (0) or values (1) from a position on.</summary>
    public void Store(Segment segment, int kind, int layer, Tensor rows)
    {
        for (var done = 0; done < segment.Count;)
        {
            var position = segment.Start + done;
            var offset = position % BlockTokens;
            var count = Math.Min(segment.Count - done, BlockTokens - offset);
            using var target = _blocks[segment.Blocks[position / BlockTokens]][kind, layer].narrow(1, offset, count);
            using var source = rows.narrow(1, done, count);
            target.copy_(source);
            done += count;
        }
    }

    /// <summary>The elements of the first <paramref name="length"/> tokens, [KV heads, length, 128]; the caller's scope owns them.</summary>
    public Tensor Gather(Segment segment, int kind, int layer, int length)
    {
        var blocks = Enumerable.Range(0, BlocksFor(length)).Select(i => _blocks[segment.Blocks[i]][kind, layer]).ToArray();
        return cat(blocks, 1).narrow(1, 0, length);
    }

    public override void Dispose()
    {
        _blocks.ForEach(block => block.Dispose());
        _blocks.Clear();
    }

    protected override void Allocate(int block) =>
        _blocks.Add(zeros([2, layerCount, headCount, BlockTokens, headSize], type, device).DetachFromDisposeScope());
}
