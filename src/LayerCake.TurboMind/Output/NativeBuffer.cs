using System.Runtime.InteropServices;

namespace LayerCake.TurboMind;

/// <summary>
/// Memory outside the managed heap, aligned to a cache line and given back at once: what a conversion holds at a time is what it asked for,
/// not what the garbage collector has not yet found.
/// </summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint CacheLine = 64;

    private byte* _memory;

    public NativeBuffer(long byteCount)
    {
        ByteCount = byteCount;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, 1), CacheLine);
    }

    ~NativeBuffer() => Free();

    public long ByteCount { get; }

    public byte* Memory => _memory is not null ? _memory : throw new ObjectDisposedException(nameof(NativeBuffer));

    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    public Span<byte> Span(long offset, long byteCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteCount, ByteCount - offset);
        return new Span<byte>(Memory + offset, checked((int)byteCount));
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
