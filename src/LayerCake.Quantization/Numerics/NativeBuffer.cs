using System.Runtime.InteropServices;

namespace LayerCake.Quantization.Numerics;

/// <summary>Memory outside the garbage-collected heap, aligned to a cache line; goes back to its pool when disposed.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private readonly BufferPool? _pool;
    private bool _rented;

    internal NativeBuffer(long byteCount, BufferPool? pool)
    {
        _pool = pool;
        ByteCount = byteCount;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, 64), 64);
        GC.AddMemoryPressure(Math.Max(byteCount, 64));
    }

    ~NativeBuffer() => Free();

    public byte* Pointer { get; private set; }

    public long ByteCount { get; }

    public void Dispose()
    {
        if (_pool is null)
        {
            Free();
            GC.SuppressFinalize(this);
        }
        else if (_rented)
        {
            _rented = false;
            _pool.Return(this);
        }
    }

    internal NativeBuffer Rented()
    {
        _rented = true;
        return this;
    }

    internal void Free()
    {
        if (Pointer != null)
        {
            NativeMemory.AlignedFree(Pointer);
            Pointer = null;
            GC.RemoveMemoryPressure(Math.Max(ByteCount, 64));
        }
    }
}
