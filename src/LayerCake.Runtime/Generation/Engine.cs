using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>
/// Continuous batching on one thread: in every pass all running sequences advance by a token, or by a piece of their prompt; sequences join and leave between passes.
/// </summary>
internal sealed class Engine : IDisposable
{
    private readonly Lock _gate = new();
    private readonly EngineConfiguration _configuration;
    private readonly BlockPool _pool;
    private readonly int _maxBatchSize;
    private readonly EnginePass _pass;
    private readonly List<GenerationRequest> _waiting = [];
    private readonly List<GenerationRequest> _running = [];
    private readonly HashSet<Sequence> _sequences = [];
    private readonly SemaphoreSlim _work = new(0);
    private readonly Thread _thread;
    private bool _stopped;

    public Engine(IBackend backend, EngineConfiguration configuration, BlockPool pool, int sessionLength, int tokensPerIteration)
    {
        (_configuration, _pool, SessionLength) = (configuration, pool, sessionLength);
        _maxBatchSize = Math.Max(1, configuration.MaxBatchSize);
        _pass = new EnginePass(backend, configuration, pool, new BlockReservation(pool, _sequences), tokensPerIteration);
        _thread = new Thread(Loop) { IsBackground = true, Name = "layercake engine" };
        _thread.Start();
    }

    public int SessionLength { get; }

    /// <summary>Held while the device computes: other users of the backend take turns with the passes.</summary>
    public Lock DeviceGate { get; } = new();

    /// <summary>Blocks in use, blocks allocated, calls that run or wait.</summary>
    public (int InUse, int Allocated, int Requests) Counts
    {
        get
        {
            lock (_gate)
            {
                return (_pool.InUse, _pool.Allocated, _waiting.Count + _running.Count);
            }
        }
    }

    public Sequence CreateSequence()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, typeof(TurboMindModel));
            var sequence = new Sequence { Random = new RandomGenerator(0) };
            _sequences.Add(sequence);
            return sequence;
        }
    }

    /// <summary>Puts a call into the queue.</summary>
    /// <exception cref="RuntimeException">The session is busy, ended or too long for it, or the prompt is empty.</exception>
    public GenerationRequest Submit(Sequence sequence, int[] ids, GenerationOptions options)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, typeof(TurboMindModel));
            ObjectDisposedException.ThrowIf(sequence.IsEnded, typeof(Session));
            RequireIdle(sequence);
            if (ids.Length + sequence.Tokens.Count == 0)
            {
                throw new RuntimeException("the prompt is empty and so is the session: there is nothing to go on with. Give at least one token, for example BOS");
            }

            var context = sequence.Tokens.Count + ids.Length;
            var room = SessionLength - context;
            if (room < 0 || (room == 0 && options.RequestOutputLength > 0))
            {
                throw new RuntimeException(
                    $"the session is full: {sequence.Tokens.Count} tokens of history and {ids.Length} of the prompt leave no room of session_len {SessionLength}. "
                    + "End the session, shorten the prompt, or load the model with a longer session");
            }

            var request = new GenerationRequest(sequence, ids, options)
            {
                Limit = Math.Min(options.RequestOutputLength, room),
                LimitReason = options.RequestOutputLength <= room ? FinishReason.Length : FinishReason.SessionLength,
            };
            if (sequence.InverseFrequencies is null)
            {
                var longest = (int)Math.Min((long)context + options.RequestOutputLength, SessionLength - 1);
                sequence.InverseFrequencies = RotaryFrequencies.Of(RotaryFrequencies.Base(_configuration, longest), _configuration.RotaryEmbedding);
            }

            sequence.Request = request;
            _waiting.Add(request);
            _work.Release();
            return request;
        }
    }

    /// <summary>Changes a session that no call uses.</summary>
    /// <exception cref="RuntimeException">A call is running, or the history is shorter.</exception>
    public void TruncateTo(Sequence sequence, int step)
    {
        lock (_gate)
        {
            RequireIdle(sequence);
            if (step < 0 || step > sequence.Tokens.Count)
            {
                throw new RuntimeException($"the session has {sequence.Tokens.Count} tokens; it cannot be cut to {step}");
            }

            if (step == 0)
            {
                sequence.Reset(_pool);
            }
            else
            {
                sequence.TruncateTo(step, _pool);
            }
        }
    }

    /// <summary>Cancels the session's call, waits for it, and frees its blocks.</summary>
    public void End(Sequence sequence)
    {
        GenerationRequest? request;
        lock (_gate)
        {
            sequence.IsEnded = true;
            request = sequence.Request;
            request?.Cancel();
            if (request is not null)
            {
                _work.Release();
            }
        }

        // The engine's thread answers within a layer's time.
        request?.Result.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        lock (_gate)
        {
            sequence.Reset(_pool);
            _sequences.Remove(sequence);
        }
    }

    /// <summary>Ends a call whose caller has left, and makes the session as it was before, also when the answer was complete by then.</summary>
    public async Task UndoAsync(GenerationRequest request)
    {
        request.Cancel();
        lock (_gate)
        {
            if (!_stopped)
            {
                _work.Release();
            }
        }

        await request.Result.ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
        lock (_gate)
        {
            // Nobody can have begun another call: the session's caller is still in this one.
            if (request is { Result: { IsCompletedSuccessfully: true, Result.FinishReason: not FinishReason.Cancelled }, Sequence.IsEnded: false })
            {
                RollBack(request);
            }
        }
    }

    /// <summary>The session's tokens; during a call those before it.</summary>
    public int[] History(Sequence sequence)
    {
        lock (_gate)
        {
            return [.. sequence.Tokens.Take(sequence.Request?.History ?? sequence.Tokens.Count)];
        }
    }

    public int Step(Sequence sequence)
    {
        lock (_gate)
        {
            return sequence.Request?.History ?? sequence.Tokens.Count;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
            _waiting.ForEach(request => request.Cancel());
            _running.ForEach(request => request.Cancel());
            _work.Release();
        }

        _thread.Join();
        _work.Dispose();
    }

    private static void RequireIdle(Sequence sequence)
    {
        if (sequence.Request is not null)
        {
            throw new RuntimeException("the session is busy: a call is still generating. Wait for its end, or cancel it");
        }
    }

    private void Loop()
    {
        while (true)
        {
            bool isIdle;
            lock (_gate)
            {
                RemoveCancelled(_waiting);
                RemoveCancelled(_running);
                isIdle = _running.Count + _waiting.Count == 0;
                if (isIdle && _stopped)
                {
                    return;
                }

                if (!isIdle)
                {
                    Admit();
                    _pass.Schedule(_running);
                }
            }

            if (isIdle)
            {
                _work.Wait();
            }
            else
            {
                Compute();
            }
        }
    }

    private void RemoveCancelled(List<GenerationRequest> requests)
    {
        for (var i = requests.Count - 1; i >= 0; i--)
        {
            if (requests[i].IsCancelled)
            {
                var request = requests[i];
                requests.RemoveAt(i);
                RollBack(request);
                request.Complete(Result(request, FinishReason.Cancelled));
            }
        }
    }

    /// <summary>Takes waiting calls into free slots, in order of arrival.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0 && _running.Count < _maxBatchSize)
        {
            var request = _waiting[0];
            _waiting.RemoveAt(0);
            var sequence = request.Sequence;
            foreach (var id in request.Ids)
            {
                sequence.Append(id, decoded: false);
            }

            if (request.Options.RandomSeed is { } seed)
            {
                sequence.Random = new RandomGenerator(seed);
            }

            if (request.Limit == 0)
            {
                sequence.Request = null;
                request.Complete(Result(request, request.LimitReason));
            }
            else
            {
                sequence.IsRunning = true;
                _running.Add(request);
            }
        }
    }

    private void Compute()
    {
        try
        {
            lock (DeviceGate)
            {
                if (!_pass.Compute())
                {
                    return;
                }
            }

            lock (_gate)
            {
                _pass.Advance(Finish, Fail);
            }
        }
        catch (Exception fault)
        {
            // A failed pass fails its calls, not the engine.
            lock (_gate)
            {
                foreach (var request in _pass.Requests.Where(_running.Contains).ToList())
                {
                    Fail(request, fault as RuntimeException ?? new RuntimeException($"the model could not be computed: {fault.Message}", fault));
                }
            }
        }
    }

    private void Fail(GenerationRequest request, RuntimeException fault)
    {
        _running.Remove(request);
        RollBack(request);
        request.Fail(fault);
    }

    private void Finish(GenerationRequest request, FinishReason reason)
    {
        _running.Remove(request);
        var sequence = request.Sequence;
        sequence.Request = null;
        sequence.IsRunning = false;
        if (sequence.Cached < sequence.Tokens.Count)
        {
            sequence.JoinNewestToPrompt();
        }

        sequence.ReleaseBeyond(sequence.Cached, _pool);
        request.Complete(Result(request, reason));
    }

    /// <summary>The session as before the call, its blocks too.</summary>
    private void RollBack(GenerationRequest request)
    {
        var sequence = request.Sequence;
        sequence.Cached = Math.Min(sequence.Cached, request.Before.Cached);
        sequence.TruncateTo(Math.Min(request.History, sequence.Tokens.Count), _pool);
        sequence.Random = request.Before.Random;
        sequence.InverseFrequencies = request.Before.InverseFrequencies;
        sequence.Request = null;
        sequence.IsRunning = false;
    }

    private static GenerationResult Result(GenerationRequest request, FinishReason reason) =>
        new(reason, request.History, request.Ids.Length, request.Generated);
}
