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

    /// <summary>Reads of one tensor at once: what one core copies from the system's cache is a fraction of what memory gives.</summary>
    private const int ThreadsAtOnce = 4;

    /// <summary>Reads a whole tensor that is known to be [rows, columns] (or [columns] for one row).</summary>
    public static HalfMatrix Load(ITensorSource source, string name, int rows, int columns, BufferPool pool, CancellationToken cancellation)
    {
        var tensor = source.Find(name);
        var matrix = new HalfMatrix(name, rows, columns, pool);
        try
        {
            var failures = new QuantizationException?[(int)((matrix.ElementCount + ChunkElements - 1) / ChunkElements)];
            var options = new ParallelOptions { MaxDegreeOfParallelism = ThreadsAtOnce, CancellationToken = cancellation };
            Parallel.For(0, failures.Length, options, (index, loop) =>
            {
                var first = (long)index * ChunkElements;
                try
                {
                    Read(source, tensor, first, MemoryMarshal.Cast<byte, Half>(matrix.Bytes(first * sizeof(ushort), ChunkElements * sizeof(ushort))));
                }
                catch (QuantizationException failure)
                {
                    // Not Stop: chunks before this one still run, so that the first fault is named however many threads there are.
                    failures[index] = failure;
                    loop.Break();
                }
            });

            return failures.FirstOrDefault(failure => failure is not null) is { } fault ? throw fault : matrix;
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<CheckpointException>().FirstOrDefault() is { } failure)
        {
            matrix.Dispose();
            throw failure;
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
