using System.Runtime.ExceptionServices;

namespace LayerCake.TurboMind;

/// <summary>
/// Runs independent blocks of work on a few threads. Each worker reads, computes and writes its own block, so disk and processor overlap,
/// memory is bounded by workers × block, and no byte depends on how many workers there are.
/// </summary>
internal static class BlockWorkers
{
    /// <param name="blockCount">Blocks 0..blockCount-1, handed out in ascending order.</param>
    /// <param name="workers">At most so many threads, the caller's among them.</param>
    /// <param name="createState">Buffers of one worker; disposed when it ends.</param>
    /// <param name="work">The work of one block.</param>
    /// <param name="cancellation">Stops handing out blocks.</param>
    public static void Run<TState>(
        int blockCount, int workers, Func<TState> createState, Action<int, TState> work, CancellationToken cancellation)
        where TState : IDisposable
    {
        var next = -1;
        ExceptionDispatchInfo? fault = null;

        void Work()
        {
            try
            {
                using var state = createState();
                while (Volatile.Read(ref fault) is null)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var block = Interlocked.Increment(ref next);
                    if (block >= blockCount)
                    {
                        return;
                    }

                    work(block, state);
                }
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref fault, ExceptionDispatchInfo.Capture(exception), null);
            }
        }

        var helpers = new Task[Math.Max(0, Math.Min(workers, blockCount) - 1)];
        for (var helper = 0; helper < helpers.Length; helper++)
        {
            helpers[helper] = Task.Run(Work, CancellationToken.None);
        }

        Work();
        Task.WaitAll(helpers, CancellationToken.None);
        fault?.Throw();
    }
}
