using System.Runtime.ExceptionServices;

namespace LayerCake.Reporting;

/// <summary>Work on all cores.</summary>
internal static class Threads
{
    /// <summary>Runs <paramref name="action"/> for 0 to <paramref name="count"/> − 1; a failure comes out as it was thrown.</summary>
    public static void For(int count, CancellationToken token, Action<int> action)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = token }, action);
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }
}
