using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace LayerCake.Building;

/// <summary>Work on many files at once.</summary>
internal static class Work
{
    /// <summary>How many waits for the disk run at once: many flushes share one commit of the file system's journal.</summary>
    public const int DiskWaits = 16;

    /// <summary>Runs <paramref name="action"/> for each item; a failure comes out as it was thrown, not wrapped.</summary>
    public static void ForEach<T>(IReadOnlyCollection<T> items, int atOnce, CancellationToken token, Action<T> action)
    {
        if (items.Count < 2)
        {
            // The first use of Parallel costs a short command more than such work does.
            foreach (var item in items)
            {
                token.ThrowIfCancellationRequested();
                action(item);
            }

            return;
        }

        try
        {
            // One at a time in the order given: a thread that takes a handful of shards at once leaves the others idle at the end.
            Parallel.ForEach(Partitioner.Create(items, EnumerablePartitionerOptions.NoBuffering), new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = token }, action);
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    /// <summary>As the other, on all cores.</summary>
    public static void ForEach<T>(IReadOnlyCollection<T> items, CancellationToken token, Action<T> action) =>
        ForEach(items, Environment.ProcessorCount, token, action);
}
