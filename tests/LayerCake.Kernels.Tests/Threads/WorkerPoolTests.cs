namespace LayerCake.Kernels.Tests;

internal sealed class WorkerPoolTests
{
    [Test]
    public void Every_item_runs_once_whatever_the_number_of_threads([Values(1, 2, 5)] int workers, [Values(0, 1, 3, 1000)] int count)
    {
        using var pool = new WorkerPool(workers);
        for (var repeat = 0; repeat < 20; repeat++)
        {
            var work = new Counting(count, workers);
            pool.Run(count, work);
            Assert.That(work.Runs, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void Several_callers_and_work_inside_work_are_safe()
    {
        using var pool = new WorkerPool(3);
        var failures = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var repeat = 0; repeat < 200; repeat++)
            {
                var work = new Nested(pool);
                pool.Run(7, work);
                if (work.Total != 7 * 5)
                {
                    Interlocked.Increment(ref failures);
                }
            }
        })).ToArray();

        Array.ForEach(callers, caller => caller.Start());
        Array.ForEach(callers, caller => caller.Join());

        Assert.That(failures, Is.Zero);
    }

    [Test]
    public void A_fault_reaches_the_caller_and_the_pool_goes_on()
    {
        using var pool = new WorkerPool(2);

        var fault = Assert.Throws<InvalidDataException>(() => pool.Run(50, new Failing()));
        var after = new Counting(50, 2);
        pool.Run(50, after);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fault.Message, Is.EqualTo("item 13"));
            Assert.That(after.Runs, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void Threads_wake_after_a_rest()
    {
        using var pool = new WorkerPool(2);
        for (var repeat = 0; repeat < 3; repeat++)
        {
            Thread.Sleep(30);
            var meeting = new Meeting();
            pool.Run(2, meeting);
            Assert.That(meeting.Met, Is.True);
        }
    }

    private sealed class Counting(int count, int workers) : IWork
    {
        public int[] Runs { get; } = new int[count];

        public void Run(int item, int worker)
        {
            if (worker < 0 || worker >= workers)
            {
                throw new InvalidOperationException($"worker {worker} of {workers}");
            }

            Interlocked.Increment(ref Runs[item]);
        }
    }

    private sealed class Nested(WorkerPool pool) : IWork
    {
        private int _total;

        public int Total => _total;

        public void Run(int item, int worker)
        {
            var inner = new Counting(5, pool.Count);
            pool.Run(5, inner);
            Interlocked.Add(ref _total, inner.Runs.Sum());
        }
    }

    private sealed class Failing : IWork
    {
        public void Run(int item, int worker)
        {
            if (item == 13)
            {
                throw new InvalidDataException("item 13");
            }
        }
    }

    /// <summary>Two items that wait for each other: only two threads can do them.</summary>
    private sealed class Meeting : IWork
    {
        private readonly Barrier _barrier = new(2);
        private int _met;

        public bool Met => _met == 2;

        public void Run(int item, int worker)
        {
            if (_barrier.SignalAndWait(TimeSpan.FromMinutes(1)))
            {
                Interlocked.Increment(ref _met);
            }
        }
    }
}
