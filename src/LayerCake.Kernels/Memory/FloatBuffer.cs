namespace LayerCake.Kernels;

/// <summary>Float32 memory outside the garbage-collected heap, zero at first.</summary>
public sealed unsafe class FloatBuffer : IDisposable
{
    private readonly NativeBuffer _memory;

    public FloatBuffer(long count)
    {
        Count = count;
        _memory = new NativeBuffer(checked(count * sizeof(float)));
        _memory.Clear();
        Pointer = (float*)_memory.Pointer;
    }

    public long Count { get; }

    public float* Pointer { get; }

    /// <summary>A float16 vector in float32, padded with zeros to a row of <paramref name="stride"/>.</summary>
    public static FloatBuffer From(Half* vector, nint count, nint stride)
    {
        var buffer = new FloatBuffer(stride);
        Float16Lanes.Load(vector, buffer.Pointer, count);
        return buffer;
    }

    public void Dispose() => _memory.Dispose();
}
