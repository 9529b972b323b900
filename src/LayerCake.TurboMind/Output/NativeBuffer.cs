using System.Runtime.InteropServices;

namespace LayerCake.TurboMind;

/// <summary>
/// Memory outside the managed heap, aligned to a cache line and given back at once: what a conversion holds at a time is what it asked for,
/// not what the garbage collector has not yet found.
/// </summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint CacheLine = 64;

    private static long s_held;
    private static long s_peak;

    private byte* _memory;

    public NativeBuffer(long byteCount)
    {
        ByteCount = byteCount;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, 1), CacheLine);
        var held = Interlocked.Add(ref s_held, byteCount);
        for (var peak = Volatile.Read(ref s_peak); held > peak;)
        {
            peak = Interlocked.CompareExchange(ref s_peak, held, peak);
        }
    }

    ~NativeBuffer() => Free();

    /// <summary>The most that was ever held at once since <see cref="ResetPeak"/>: memory is a promise, and tests hold it to that.</summary>
    public static long PeakHeldBytes => Volatile.Read(ref s_peak);

    public long ByteCount { get; }

    public static void ResetPeak() => Volatile.Write(ref s_peak, Volatile.Read(ref s_held));

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
        if (_memory is not null)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            Interlocked.Add(ref s_held, -ByteCount);
        }
    }
}
