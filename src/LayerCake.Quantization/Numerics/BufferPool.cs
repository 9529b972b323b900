using System.Collections.Concurrent;

namespace LayerCake.Quantization.Numerics;

/// <summary>Buffers by exact size: the layers of a model ask for the same sizes again and again, and fresh pages cost as much as reading them.</summary>
internal sealed class BufferPool : IDisposable
{
    private readonly ConcurrentDictionary<long, ConcurrentBag<NativeBuffer>> _free = new();

    public NativeBuffer Rent(long byteCount) =>
        (_free.TryGetValue(byteCount, out var bag) && bag.TryTake(out var buffer) ? buffer : new NativeBuffer(byteCount, this)).Rented();

    internal void Return(NativeBuffer buffer) => _free.GetOrAdd(buffer.ByteCount, _ => []).Add(buffer);

    public void Dispose()
    {
        foreach (var buffer in _free.Values.SelectMany(bag => bag))
        {
            buffer.Free();
            GC.SuppressFinalize(buffer);
        }

        _free.Clear();
    }
}
