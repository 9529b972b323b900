using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>
/// Continuous batching on one thread: in every pass all running sequences advance by a token, or by a piece of their prompt; sequences join and leave between passes.
/// </summary>
internal sealed class Engine : IDisposable
{
    private readonly Lock _gate = new();
    private readonly IBackend _backend;
    private readonly EngineConfiguration _configuration;
    private readonly BlockPool _pool;
    private readonly BlockReservation _reservation;
    private readonly int _tokensPerIteration;
    private readonly int _maxBatchSize;
    private readonly Sampler _sampler;
    private readonly ForwardBatch _batch = new();
    private readonly List<GenerationRequest> _waiting = [];
    private readonly List<GenerationRequest> _running = [];
    private readonly List<GenerationRequest> _computed = [];
    private readonly List<int> _sampledRows = [];
    private readonly HashSet<Sequence> _sequences = [];
    private readonly SemaphoreSlim _work = new(0);
    private readonly Thread _thread;
    private readonly Func<bool> _isAborted;
    private float[] _logits = [];
    private long _pass;
    private bool _stopped;

    public Engine(IBackend backend, EngineConfiguration configuration, BlockPool pool, int sessionLength, int tokensPerIteration)
    {
        (_backend, _configuration, _pool, _tokensPerIteration) = (backend, configuration, pool, tokensPerIteration);
        SessionLength = sessionLength;
        _maxBatchSize = Math.Max(1, configuration.MaxBatchSize);
        _reservation = new BlockReservation(pool, _sequences);
        _sampler = new Sampler(configuration.VocabularySize);
        _isAborted = () => _computed.TrueForAll(static request => request.IsCancelled);
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
                    Schedule();
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
                _running.Add(request);
            }
        }
    }

    /// <summary>Reserves blocks and fills the batch, in order of arrival; prompts share the pass's budget of tokens.</summary>
    private void Schedule()
    {
        _batch.Clear();
        _computed.Clear();
        _sampledRows.Clear();
        _pass++;
        var budget = _tokensPerIteration;
        for (var i = 0; i < _running.Count; i++)
        {
            var request = _running[i];
            var sequence = request.Sequence;
            if (!_reservation.TryReserve(sequence, _running, i))
            {
                continue;
            }

            var pending = sequence.Tokens.Count - sequence.Cached;
            var count = pending == 1 ? 1 : Math.Min(pending, budget);
            if (count == 0)
            {
                continue;
            }

            budget -= pending == 1 ? 0 : count;
            sequence.LastUse = _pass;
            _batch.Add(new Segment
            {
                Pool = _pool,
                Blocks = sequence.Blocks,
                InverseFrequencies = sequence.InverseFrequencies!,
                Start = sequence.Cached,
            });
            for (var t = 0; t < count; t++)
            {
                _batch.Add(sequence.Tokens[sequence.Cached + t], sequence.Decoded[sequence.Cached + t]);
            }

            _computed.Add(request);
            _sampledRows.Add(count == pending ? _batch.RowCount - 1 : -1);
        }
    }

    private void Compute()
    {
        if (_computed.Count == 0)
        {
            return;
        }

        try
        {
            var rows = 0;
            lock (DeviceGate)
            {
                if (!_backend.Forward(_batch, null, _isAborted))
                {
                    return;
                }

                rows = ReadLogits();
            }

            lock (_gate)
            {
                Advance(rows);
            }
        }
        catch (Exception fault)
        {
            // A failed pass fails its calls, not the engine.
            lock (_gate)
            {
                foreach (var request in _computed.Where(_running.Remove))
                {
                    RollBack(request);
                    request.Fail(fault is RuntimeException ? fault : new RuntimeException($"the pass failed: {fault.Message}", fault));
                }
            }
        }
    }

    private int ReadLogits()
    {
        Span<int> rows = stackalloc int[_sampledRows.Count];
        var count = 0;
        foreach (var row in _sampledRows)
        {
            if (row >= 0)
            {
                rows[count++] = row;
            }
        }

        var vocabulary = _configuration.VocabularySize;
        if (_logits.Length < count * vocabulary)
        {
            _logits = GC.AllocateUninitializedArray<float>(count * vocabulary);
        }

        if (count > 0)
        {
            _backend.Logits(rows[..count], _logits.AsSpan(0, count * vocabulary));
        }

        return count;
    }

    private void Advance(int rows)
    {
        var row = 0;
        for (var i = 0; i < _computed.Count; i++)
        {
            var request = _computed[i];
            request.Sequence.Cached += _batch.Segments[i].Count;
            if (_sampledRows[i] < 0)
            {
                continue;
            }

            var logits = _logits.AsSpan(row++ * _configuration.VocabularySize, _configuration.VocabularySize);
            if (!request.IsCancelled)
            {
                Sample(request, logits);
            }
        }

        if (row != rows)
        {
            throw new InvalidOperationException("logits and sampled sequences do not match");
        }
    }

    private void Sample(GenerationRequest request, Span<float> logits)
    {
        var sequence = request.Sequence;
        try
        {
            var token = _sampler.Sample(logits, sequence.Tokens, request.Options, _configuration.EndId, ref sequence.Random);
            if (token == _configuration.EndId)
            {
                // The end token is no part of the answer, nor of the history.
                request.DeliverTo(request.Generated);
                Finish(request, FinishReason.EndToken);
                return;
            }

            sequence.Append(token, decoded: true);
            request.Generated++;
            var stop = request.Options.IgnoreEos ? 0 : StopWords.Match(sequence.Tokens, request.Generated, request.Options);
            if (stop > 0)
            {
                request.DeliverTo(request.Generated - stop);
                Finish(request, FinishReason.StopWord);
            }
            else if (request.Generated >= request.Limit)
            {
                request.DeliverTo(request.Generated);
                Finish(request, request.LimitReason);
            }
            else
            {
                var held = request.Options.IgnoreEos ? 0 : StopWords.Held(sequence.Tokens, request.Generated, request.Options);
                request.DeliverTo(request.Generated - held);
            }
        }
        catch (RuntimeException fault)
        {
            _running.Remove(request);
            RollBack(request);
            request.Fail(fault);
        }
    }

    private void Finish(GenerationRequest request, FinishReason reason)
    {
        _running.Remove(request);
        var sequence = request.Sequence;
        sequence.Request = null;
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
    }

    private static GenerationResult Result(GenerationRequest request, FinishReason reason) =>
        new(reason, request.History, request.Ids.Length, request.Generated);
}
