namespace LayerCake.Runtime;

/// <summary>
/// Threads that stay: an operation of a few microseconds starts without an allocation, and ends when its items are done, whether or not every thread came in time
/// to take one. The caller's thread is worker 0.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    /// <summary>The most items of an operation.</summary>
    public const int MaxItems = (1 << ItemBits) - 1;

    private const int ItemBits = 20;

    // A decode step is hundreds of operations in a row: the next one comes before a sleeping thread would wake.
    private const int SpinsBeforeSleep = 200;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private IWork? _work;
    private Exception? _fault;

    // Generation of the operation, its items, the next item: in one word, so that a late thread cannot take an item of an operation that is over.
    private long _ticket;
    private int _remaining;
    private int _sleeping;
    private volatile bool _stopped;

    public WorkerPool(int workers)
    {
        Count = workers;
        _threads = new Thread[workers - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"layercake worker {worker}" };
            _threads[i].Start();
        }
    }

    public int Count { get; }

    /// <summary>Runs items 0 to <paramref name="count"/> − 1 and returns when all are done. One caller at a time.</summary>
    public void Run(int count, IWork work)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxItems);
        if (count <= 1 || _threads.Length == 0)
        {
            for (var item = 0; item < count; item++)
            {
                work.Run(item, 0);
            }

            return;
        }

        _work = work;
        Volatile.Write(ref _remaining, count);
        var generation = (_ticket >> (2 * ItemBits)) + 1;
        Interlocked.Exchange(ref _ticket, (generation << (2 * ItemBits)) | ((long)count << ItemBits));
        if (Volatile.Read(ref _sleeping) > 0 && Interlocked.Exchange(ref _sleeping, 0) is > 0 and var sleeping)
        {
            _wake.Release(sleeping);
        }

        Work(0);
        var spinner = default(SpinWait);
        while (Volatile.Read(ref _remaining) > 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }

        if (_fault is { } fault)
        {
            _fault = null;
            throw new InvalidOperationException($"a worker failed: {fault.Message}", fault);
        }
    }

    public void Dispose()
    {
        _stopped = true;
        _wake.Release(_threads.Length + 1);
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        _wake.Dispose();
    }

    private static bool HasItems(long ticket) => (ticket & MaxItems) < ((ticket >> ItemBits) & MaxItems);

    private void Loop(int worker)
    {
        while (!_stopped)
        {
            for (var spin = 0; spin < SpinsBeforeSleep && !HasItems(Volatile.Read(ref _ticket)); spin++)
            {
                Thread.SpinWait(20);
            }

            if (!HasItems(Volatile.Read(ref _ticket)))
            {
                // Counted as asleep before the last look: an operation that starts after it sees the count. A token too many only ends a later wait early.
                Interlocked.Increment(ref _sleeping);
                if (!HasItems(Volatile.Read(ref _ticket)) && !_stopped)
                {
                    _wake.Wait();
                }
            }

            Work(worker);
        }
    }

    private void Work(int worker)
    {
        while (true)
        {
            var ticket = Volatile.Read(ref _ticket);
            if (!HasItems(ticket))
            {
                return;
            }

            if (Interlocked.CompareExchange(ref _ticket, ticket + 1, ticket) != ticket)
            {
                continue;
            }

            try
            {
                _work!.Run((int)(ticket & MaxItems), worker);
            }
            catch (Exception fault)
            {
                Interlocked.CompareExchange(ref _fault, fault, null);
            }

            Interlocked.Decrement(ref _remaining);
        }
    }
}
