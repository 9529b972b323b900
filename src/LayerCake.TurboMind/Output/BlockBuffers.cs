namespace LayerCake.TurboMind;

/// <summary>One worker's buffers, grown on first use and kept until the worker ends.</summary>
internal sealed unsafe class BlockBuffers : IDisposable
{
    private readonly List<NativeBuffer?> _slots = [];

    /// <summary>At least <paramref name="byteCount"/> bytes; what an earlier call of the same slot gave is lost.</summary>
    public byte* Get(int slot, long byteCount)
    {
        while (_slots.Count <= slot)
        {
            _slots.Add(null);
        }

        if (_slots[slot] is not { } buffer || buffer.ByteCount < byteCount)
        {
            _slots[slot]?.Dispose();
            _slots[slot] = buffer = new NativeBuffer(byteCount);
        }

        return buffer.Memory;
    }

    public void Dispose() => _slots.ForEach(slot => slot?.Dispose());
}
