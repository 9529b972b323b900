using System.Runtime.InteropServices;

namespace LayerCake.Kernels;

/// <summary>
/// Memory outside the garbage-collected heap, aligned to a cache line and given back when disposed. What it holds at first is undefined.
/// </summary>
public sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint CacheLine = 64;

    private static long s_held;

    private byte* _pointer;

    /// <exception cref="OutOfMemoryException">The system has not that much.</exception>
    public NativeBuffer(long byteCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ByteCount = byteCount;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, 1), CacheLine);
        Interlocked.Add(ref s_held, byteCount);
    }

    ~NativeBuffer() => Free();

    /// <summary>Bytes of all buffers of the process that are not given back: tests hold owners to it.</summary>
    public static long HeldBytes => Volatile.Read(ref s_held);

    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public byte* Pointer => _pointer is not null ? _pointer : throw new ObjectDisposedException(nameof(NativeBuffer));

    public long ByteCount { get; }

    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    public Span<byte> Span(long offset, int byteCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteCount, ByteCount - offset);
        return new Span<byte>(Pointer + offset, byteCount);
    }

    public void Clear() => NativeMemory.Clear(Pointer, (nuint)ByteCount);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is not null)
        {
            NativeMemory.AlignedFree(_pointer);
            _pointer = null;
            Interlocked.Add(ref s_held, -ByteCount);
        }
    }
}
