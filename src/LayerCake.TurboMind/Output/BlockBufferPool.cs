using System.Collections.Concurrent;

namespace LayerCake.TurboMind;

/// <summary>Keeps workers' buffers from one tensor to the next: fresh pages cost as much as reading them full.</summary>
internal sealed class BlockBufferPool : IDisposable
{
    private readonly ConcurrentBag<BlockBuffers> _free = [];

    public Lease Rent() => new(this, _free.TryTake(out var buffers) ? buffers : new BlockBuffers());

    public void Dispose()
    {
        while (_free.TryTake(out var buffers))
        {
            buffers.Dispose();
        }
    }

    /// <summary>One worker's loan; disposing gives the buffers back to the pool.</summary>
    internal sealed class Lease(BlockBufferPool pool, BlockBuffers buffers) : IDisposable
    {
        public BlockBuffers Buffers => buffers;

        public void Dispose() => pool._free.Add(buffers);
    }
}
