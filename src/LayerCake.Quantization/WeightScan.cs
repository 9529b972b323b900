using System.Buffers;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Weights;

namespace LayerCake.Quantization;

/// <summary>
/// Reads every weight of a model once and looks for values that no float16 model can hold. As fast as the disk, so that
/// a damaged checkpoint is refused before anything long has run.
/// </summary>
public static class WeightScan
{
    private const int ChunkBytes = 4 << 20;

    /// <summary>Scans all tensors of <see cref="ModelLayout.Tensors"/>; the caller has checked that they are there (<see cref="ModelLayout.Check"/>).</summary>
    /// <exception cref="QuantizationException">Names the first tensor (in the model's order) with NaN, an infinity, or a value that leaves float16, and where in it.</exception>
    public static void Run(ITensorSource weights, ModelConfiguration configuration, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(configuration);
        var chunks = ModelLayout.Tensors(configuration)
            .SelectMany(tensor => weights.TryFind(tensor.Name, out var found) ? Chunks(found) : [])
            .ToArray();
        var failures = new QuantizationException?[chunks.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellation };

        Parallel.For(0, chunks.Length, options, (index, loop) =>
        {
            failures[index] = Scan(weights, chunks[index]);
            if (failures[index] is not null)
            {
                // Not Stop: chunks before this one still run, so that every thread count names the same tensor.
                loop.Break();
            }
        });

        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            throw first;
        }
    }

    private static QuantizationException? Scan(ITensorSource weights, Chunk chunk)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            var bytes = buffer.AsSpan(0, chunk.ByteCount);
            weights.Read(chunk.Tensor.Name, chunk.Offset, bytes);
            UnusableValues.Refuse(weights, chunk.Tensor, chunk.Offset / chunk.Tensor.DType.ByteSize(), bytes);
            return null;
        }
        catch (QuantizationException failure)
        {
            return failure;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static IEnumerable<Chunk> Chunks(TensorInfo tensor)
    {
        for (long offset = 0; offset < tensor.ByteCount; offset += ChunkBytes)
        {
            yield return new Chunk(tensor, offset, (int)Math.Min(ChunkBytes, tensor.ByteCount - offset));
        }
    }

    private readonly record struct Chunk(TensorInfo Tensor, long Offset, int ByteCount);
}
