using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>One pass of the engine: which tokens are computed, the computation, and what the new tokens mean for their calls.</summary>
internal sealed class EnginePass(
    IBackend backend, EngineConfiguration configuration, BlockPool pool, BlockReservation reservation, int tokensPerIteration)
{
    private readonly Sampler _sampler = new(configuration.VocabularySize);
    private readonly ForwardBatch _batch = new();
    private readonly List<GenerationRequest> _requests = [];

    // For each request the row whose logits give its next token, or -1 while its prompt is not complete.
    private readonly List<int> _sampledRows = [];
    private float[] _logits = [];
    private long _number;
    private Func<bool>? _isAborted;

    /// <summary>The calls that the pass computes.</summary>
    public IReadOnlyList<GenerationRequest> Requests => _requests;

    /// <summary>Reserves blocks and fills the batch, in order of arrival; prompts share the pass's budget of tokens.</summary>
    public void Schedule(IReadOnlyList<GenerationRequest> running)
    {
        _batch.Clear();
        _requests.Clear();
        _sampledRows.Clear();
        _number++;
        var budget = tokensPerIteration;
        for (var i = 0; i < running.Count; i++)
        {
            var request = running[i];
            var sequence = request.Sequence;
            if (!reservation.TryReserve(sequence, running, i))
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
            sequence.LastUse = _number;
            _batch.Add(new Segment
            {
                Pool = pool,
                Blocks = sequence.Blocks,
                InverseFrequencies = sequence.InverseFrequencies!,
                Start = sequence.Cached,
            });
            for (var t = 0; t < count; t++)
            {
                _batch.Add(sequence.Tokens[sequence.Cached + t], sequence.Decoded[sequence.Cached + t]);
            }

            _requests.Add(request);
            _sampledRows.Add(count == pending ? _batch.RowCount - 1 : -1);
        }
    }

    /// <summary>Computes the batch and reads the logits that are needed. Takes no part in the engine's lock.</summary>
    /// <returns>False when nothing was computed, or every call was cancelled meanwhile.</returns>
    public bool Compute()
    {
        _isAborted ??= () => _requests.TrueForAll(static request => request.IsCancelled);
        if (_requests.Count == 0 || !backend.Forward(_batch, null, _isAborted))
        {
            return false;
        }

        ReadLogits();
        return true;
    }

    /// <summary>Draws a token for every call whose prompt is complete.</summary>
    public void Advance(Action<GenerationRequest, FinishReason> finish, Action<GenerationRequest, RuntimeException> fail)
    {
        var vocabulary = configuration.VocabularySize;
        var row = 0;
        for (var i = 0; i < _requests.Count; i++)
        {
            var request = _requests[i];
            request.Sequence.Cached += _batch.Segments[i].Count;
            if (_sampledRows[i] < 0)
            {
                continue;
            }

            var logits = _logits.AsSpan(row++ * vocabulary, vocabulary);
            if (!request.IsCancelled)
            {
                Sample(request, logits, finish, fail);
            }
        }
    }

    private void ReadLogits()
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

        var vocabulary = configuration.VocabularySize;
        if (_logits.Length < count * vocabulary)
        {
            _logits = GC.AllocateUninitializedArray<float>(count * vocabulary);
        }

        if (count > 0)
        {
            backend.Logits(rows[..count], _logits.AsSpan(0, count * vocabulary));
        }
    }

    private void Sample(
        GenerationRequest request, Span<float> logits, Action<GenerationRequest, FinishReason> finish, Action<GenerationRequest, RuntimeException> fail)
    {
        var sequence = request.Sequence;
        try
        {
            var token = _sampler.Sample(logits, sequence.Tokens, request.Options, configuration.EndId, ref sequence.Random);
            if (token == configuration.EndId)
            {
                // The end token is no part of the answer, nor of the history.
                request.DeliverTo(request.Generated);
                finish(request, FinishReason.EndToken);
                return;
            }

            sequence.Append(token, decoded: true);
            request.Generated++;
            var stop = request.Options.IgnoreEos ? 0 : StopWords.Match(sequence.Tokens, request.Generated, request.Options);
            if (stop > 0)
            {
                request.DeliverTo(request.Generated - stop);
                finish(request, FinishReason.StopWord);
            }
            else if (request.Generated >= request.Limit)
            {
                request.DeliverTo(request.Generated);
                finish(request, request.LimitReason);
            }
            else
            {
                var held = request.Options.IgnoreEos ? 0 : StopWords.Held(sequence.Tokens, request.Generated, request.Options);
                request.DeliverTo(request.Generated - held);
            }
        }
        catch (RuntimeException fault)
        {
            fail(request, fault);
        }
    }
}
