namespace LayerCake.Quantization.Numerics;

/// <summary>Splits the rows of a matrix into blocks that threads take. Blocks are the same for every thread count.</summary>
internal static class RowBlocks
{
    /// <summary>Sixteen packed int32 of eight rows each: one cache line of the packed matrix.</summary>
    public const int Height = 128;

    public static int Count(int rows) => (rows + Height - 1) / Height;

    public static void Run(int rows, int threads, CancellationToken cancellation, Action<int, int, int> block)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, Count(rows), options, index => block(index, index * Height, Math.Min((index + 1) * Height, rows)));
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<QuantizationException>().FirstOrDefault() is { } failure)
        {
            throw failure;
        }
    }
}
