using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace LayerCake.Kernels;

/// <summary>
/// Threads that stay, for operations of a few microseconds: starting one costs no allocation of threads or tasks, and a thread that waits for the next spins for
/// a moment before it sleeps. The caller's thread works too, as worker 0.
/// </summary>
/// <remarks>
/// Safe for any number of callers. While one has the threads, another's work runs on the caller's thread alone: the cores are taken anyway, and nobody
/// waits for somebody else's operation.
/// </remarks>
public sealed class WorkerPool : IDisposable
{
    // A decode step is hundreds of operations in a row, microseconds apart: the next one comes before a sleeping thread would wake.
    private const int SpinsBeforeSleep = 1000;
    private const int PausesPerSpin = 20;

    private static readonly Lazy<WorkerPool> s_shared = new(() => new WorkerPool(Environment.ProcessorCount));

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private volatile Job? _job;
    private int _taken;
    private int _epoch;
    private int _sleeping;
    private volatile bool _stopped;

    /// <param name="workers">Threads, the caller's included.</param>
    public WorkerPool(int workers)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        Count = workers;
        _threads = new Thread[workers - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"layercake worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>One for the process, with a thread for each processor; never disposed.</summary>
    public static WorkerPool Shared => s_shared.Value;

    /// <summary>Threads, the caller's included: workers are numbered from 0 to one less.</summary>
    public int Count { get; }

    /// <summary>
    /// Runs items 0 to <paramref name="count"/> − 1, in any order, and returns when all are done. An item's exception is thrown here once the others are done;
    /// items that had not begun by then are left out.
    /// </summary>
    public void Run(int count, IWork work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (count <= 1 || _threads.Length == 0 || Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
        {
            for (var item = 0; item < count; item++)
            {
                work.Run(item, 0);
            }

            return;
        }

        var job = new Job(work, count);
        try
        {
            _job = job;
            Interlocked.Increment(ref _epoch);
            var sleeping = Interlocked.Exchange(ref _sleeping, 0);
            if (sleeping > 0)
            {
                _wake.Release(sleeping);
            }

            job.Work(0);
            job.Wait();
        }
        finally
        {
            _job = null;
            Volatile.Write(ref _taken, 0);
        }

        job.Fault?.Throw();
    }

    public void Dispose()
    {
        _stopped = true;
        Interlocked.Increment(ref _epoch);
        _wake.Release(_threads.Length + 1);
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        _wake.Dispose();
    }

    private void Loop(int worker)
    {
        for (var seen = 0; !_stopped;)
        {
            seen = WaitForNext(seen);
            RunJob(worker);
        }
    }

    // Not inlined: a reference to a finished job on the stack of a sleeping thread would keep its weights alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunJob(int worker) => _job?.Work(worker);

    private int WaitForNext(int seen)
    {
        for (var spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (Volatile.Read(ref _epoch) is var now && now != seen)
            {
                return now;
            }

            Thread.SpinWait(PausesPerSpin);
        }

        while (true)
        {
            // Whoever starts a job takes the number of sleepers and releases as many: a thread that finds the job by itself has a token coming, which
            // only makes a later wait short.
            Interlocked.Increment(ref _sleeping);
            if (Volatile.Read(ref _epoch) is var now && now != seen)
            {
                return now;
            }

            _wake.Wait();
            if (Volatile.Read(ref _epoch) is var next && next != seen)
            {
                return next;
            }
        }
    }

    /// <summary>One operation. A thread that comes late finds no items left in it.</summary>
    private sealed class Job(IWork work, int count)
    {
        private int _next = -1;
        private int _done;

        public ExceptionDispatchInfo? Fault { get; private set; }

        public void Work(int worker)
        {
            for (var item = Interlocked.Increment(ref _next); item < count; item = Interlocked.Increment(ref _next))
            {
                try
                {
                    if (Fault is null)
                    {
                        work.Run(item, worker);
                    }
                }
#pragma warning disable CA1031 // It is thrown by the thread that asked for the work.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    Fault = ExceptionDispatchInfo.Capture(fault);
                }

                Interlocked.Increment(ref _done);
            }
        }

        public void Wait()
        {
            // Others are in their last items: a moment, unless the system has taken a processor away.
            var spinner = default(SpinWait);
            while (Volatile.Read(ref _done) < count)
            {
                spinner.SpinOnce(sleep1Threshold: 200);
            }
        }
    }
}
