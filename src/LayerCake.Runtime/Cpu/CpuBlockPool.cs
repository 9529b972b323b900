using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>Blocks in the machine's memory: [K | V][layer][KV head][token][128], 16-bit values or bytes.</summary>
internal sealed unsafe class CpuBlockPool(int layerCount, int headCount, int headSize, int elementSize, int blockTokens, int limit)
    : BlockPool(blockTokens, 2L * layerCount * headCount * blockTokens * headSize * elementSize, limit)
{
    private readonly List<NativeBuffer> _blocks = [];

    /// <summary>The keys (or values) of a head in a block, token after token.</summary>
    public byte* Head(int block, bool values, int layer, int head)
    {
        var index = (((values ? layerCount : 0) + layer) * (long)headCount) + head;
        return _blocks[block].Pointer + (index * BlockTokens * headSize * elementSize);
    }

    public override void Dispose()
    {
        _blocks.ForEach(block => block.Dispose());
        _blocks.Clear();
    }

    protected override void Allocate(int block) => _blocks.Add(new NativeBuffer(BlockBytes));
}
