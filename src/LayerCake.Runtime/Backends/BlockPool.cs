namespace LayerCake.Runtime;

/// <summary>
/// The blocks of a KV cache: each holds <see cref="BlockTokens"/> tokens of all layers. Taken from the device when first needed, up to a limit, and kept for reuse.
/// Not safe for concurrent use.
/// </summary>
internal abstract class BlockPool(int blockTokens, long blockBytes, int limit) : IDisposable
{
    private readonly Stack<int> _free = new();

    public int BlockTokens { get; } = blockTokens;

    public long BlockBytes { get; } = blockBytes;

    public int Limit { get; } = limit;

    /// <summary>Blocks that were taken from the device.</summary>
    public int Allocated { get; private set; }

    public int InUse => Allocated - _free.Count;

    /// <summary>A block, or -1 when all are in use. What it holds is undefined.</summary>
    public int TryTake()
    {
        if (_free.TryPop(out var block))
        {
            return block;
        }

        if (Allocated >= Limit)
        {
            return -1;
        }

        Allocate(Allocated);
        return Allocated++;
    }

    public void Return(int block) => _free.Push(block);

    /// <summary>Blocks that so many tokens need.</summary>
    public int BlocksFor(int tokens) => (tokens + BlockTokens - 1) / BlockTokens;

    public abstract void Dispose();

    /// <summary>Takes the memory of the next block from the device.</summary>
    protected abstract void Allocate(int block);
}
