using System.Buffers;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Weights;

/// <summary>Reads tensors as float16, rounding bfloat16 and float32 to nearest, ties to even; what float16 cannot hold is refused by name.</summary>
internal static unsafe class WeightReader
{
    /// <summary>Elements read at a time: enough for the disk, little enough for the cache.</summary>
    private const int ChunkElements = 1 << 20;

    /// <summary>Reads a whole tensor that is known to be [rows, columns] (or [columns] for one row).</summary>
    public static HalfMatrix Load(ITensorSource source, string name, int rows, int columns, BufferPool pool, CancellationToken cancellation)
    {
        var tensor = source.Find(name);
        var matrix = new HalfMatrix(name, rows, columns, pool);
        try
        {
            for (long first = 0; first < matrix.ElementCount; first += ChunkElements)
            {
                cancellation.ThrowIfCancellationRequested();
                var bytes = matrix.Bytes(first * sizeof(ushort), ChunkElements * sizeof(ushort));
                Read(source, tensor, first, MemoryMarshal.Cast<byte, Half>(bytes));
            }

            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    /// <summary>Hands a tensor of any size on in pieces.</summary>
    public static void Stream(ITensorSource source, string name, Action<ReadOnlySpan<byte>> piece, CancellationToken cancellation)
    {
        var tensor = source.Find(name);
        var elements = tensor.ElementCount;
        var buffer = ArrayPool<Half>.Shared.Rent(ChunkElements);
        try
        {
            for (long first = 0; first < elements; first += ChunkElements)
            {
                cancellation.ThrowIfCancellationRequested();
                var values = buffer.AsSpan(0, (int)Math.Min(ChunkElements, elements - first));
                Read(source, tensor, first, values);
                piece(MemoryMarshal.AsBytes(values));
            }
        }
        finally
        {
            ArrayPool<Half>.Shared.Return(buffer);
        }
    }

    private static void Read(ITensorSource source, TensorInfo tensor, long first, Span<Half> destination)
    {
        if (tensor.DType == DType.F16)
        {
            var bytes = MemoryMarshal.AsBytes(destination);
            source.Read(tensor.Name, first * sizeof(ushort), bytes);
            UnusableValues.Refuse(source, tensor, first, bytes);
            return;
        }

        var size = tensor.DType.ByteSize();
        var buffer = ArrayPool<byte>.Shared.Rent(destination.Length * size);
        try
        {
            var bytes = buffer.AsSpan(0, destination.Length * size);
            source.Read(tensor.Name, first * size, bytes);
            UnusableValues.Refuse(source, tensor, first, bytes);
            if (tensor.DType == DType.BF16)
            {
                HalfConversion.FromBFloat16(MemoryMarshal.Cast<byte, ushort>(bytes), destination);
            }
            else
            {
                HalfConversion.FromSingle(MemoryMarshal.Cast<byte, float>(bytes), destination);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
