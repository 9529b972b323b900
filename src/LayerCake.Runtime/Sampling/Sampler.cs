using System.Numerics.Tensors;

namespace LayerCake.Runtime;

/// <summary>Draws the next token from logits, in the engine's order: bad words, temperature, repetition penalty, top-k, top-p. One thread at a time.</summary>
internal sealed class Sampler(int vocabularySize)
{
    /// <summary>The engine's limit.</summary>
    public const int MaxTopK = 1024;

    private readonly int[] _stamps = new int[vocabularySize];
    private readonly int[] _ids = new int[vocabularySize];
    private readonly float[] _keys = new float[vocabularySize];
    private int _stamp;

    /// <param name="logits">Float32 logits of the vocabulary; changed.</param>
    /// <param name="history">The whole sequence: history, prompt, generated.</param>
    /// <param name="options">How to draw.</param>
    /// <param name="endId">Banned where the options ignore it.</param>
    /// <param name="random">The session's generator; one number is taken for each token that is drawn.</param>
    /// <exception cref="RuntimeException">A logit is NaN, or every token is banned.</exception>
    public int Sample(Span<float> logits, IReadOnlyList<int> history, GenerationOptions options, int endId, ref RandomGenerator random)
    {
        Ban(logits, history, options, endId);
        if (options.Temperature != 1f)
        {
            TensorPrimitives.Divide(logits, options.Temperature + 1e-6f, logits);
        }

        if (options.RepetitionPenalty != 1f)
        {
            Penalize(logits, history, options.RepetitionPenalty);
        }

        var topK = Math.Min(options.TopK, Math.Min(MaxTopK, vocabularySize));
        var topP = options.TopP;
        if (topP == 0f)
        {
            (topK, topP) = topK == 0 ? (1, 1f) : (topK, 1f);
        }

        // Every candidate is drawn against a number, also when there is one, so that the generator's state does not depend on the logits.
        var uniform = random.NextUniform();
        var count = topK > 0 ? TakeLargest(logits, topK) : SortAll(logits);
        var top = _keys[0];
        if (!float.IsFinite(top))
        {
            throw new RuntimeException(float.IsNegativeInfinity(top)
                ? "no token is left to draw: every one is banned"
                : "the model's logits are not finite: its weights are damaged, or its values overflow the 16-bit type");
        }

        var sum = 0f;
        for (var i = 0; i < count; i++)
        {
            _keys[i] = MathF.Exp(_keys[i] - top);
            sum += _keys[i];
        }

        var threshold = uniform * topP * sum;
        var running = 0f;
        for (var i = 0; i < count; i++)
        {
            running += _keys[i];
            if (running >= threshold)
            {
                return _ids[i];
            }
        }

        return _ids[count - 1];
    }

    private static void Ban(Span<float> logits, IReadOnlyList<int> history, GenerationOptions options, int endId)
    {
        if (options.IgnoreEos)
        {
            logits[endId] = float.NegativeInfinity;
        }

        foreach (var word in options.BadWords)
        {
            if (EndsWith(history, word.AsSpan()[..^1]))
            {
                logits[word[^1]] = float.NegativeInfinity;
            }
        }
    }

    /// <summary>Whether the newest tokens are these.</summary>
    public static bool EndsWith(IReadOnlyList<int> tokens, ReadOnlySpan<int> word)
    {
        if (tokens.Count < word.Length)
        {
            return false;
        }

        for (var i = 0; i < word.Length; i++)
        {
            if (tokens[tokens.Count - word.Length + i] != word[i])
            {
                return false;
            }
        }

        return true;
    }

    private void Penalize(Span<float> logits, IReadOnlyList<int> history, float penalty)
    {
        _stamp++;
        for (var i = 0; i < history.Count; i++)
        {
            var id = history[i];
            if (_stamps[id] != _stamp)
            {
                _stamps[id] = _stamp;
                logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
            }
        }
    }

    /// <summary>The k largest, descending, equal ones by id; NaN counts as larger than everything. A heap of k with its least at the root.</summary>
    private int TakeLargest(ReadOnlySpan<float> logits, int k)
    {
        var count = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            var key = logits[id];
            if (count < k)
            {
                Raise(count++, key, id);
            }
            else if (key > _keys[0] || float.IsNaN(key))
            {
                Lower(0, k, key, id);
            }
        }

        // Takes the least off one by one: descending in the end.
        for (var last = count - 1; last > 0; last--)
        {
            var (key, id) = (_keys[last], _ids[last]);
            (_keys[last], _ids[last]) = (_keys[0], _ids[0]);
            Lower(0, last, key, id);
        }

        return count;
    }

    private void Raise(int at, float key, int id)
    {
        while (at > 0 && Less(key, id, (at - 1) / 2))
        {
            (_keys[at], _ids[at]) = (_keys[(at - 1) / 2], _ids[(at - 1) / 2]);
            at = (at - 1) / 2;
        }

        (_keys[at], _ids[at]) = (key, id);
    }

    private void Lower(int at, int count, float key, int id)
    {
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= count)
            {
                break;
            }

            if (child + 1 < count && Less(_keys[child + 1], _ids[child + 1], child))
            {
                child++;
            }

            if (Less(key, id, child))
            {
                break;
            }

            (_keys[at], _ids[at]) = (_keys[child], _ids[child]);
            at = child;
        }

        (_keys[at], _ids[at]) = (key, id);
    }

    private bool Less(float key, int id, int at)
    {
        var order = Order(key, _keys[at]);
        return order < 0 || (order == 0 && id > _ids[at]);
    }

    /// <summary>As numbers, NaN above all.</summary>
    private static int Order(float left, float right) =>
        float.IsNaN(left) ? (float.IsNaN(right) ? 0 : 1) : float.IsNaN(right) ? -1 : left.CompareTo(right);

    private int SortAll(ReadOnlySpan<float> logits)
    {
        for (var id = 0; id < logits.Length; id++)
        {
            _keys[id] = -logits[id];
            _ids[id] = id;
        }

        // NaN sorts first here, too; ids of equal logits are put in order below.
        Array.Sort(_keys, _ids);
        for (var first = 0; first < _keys.Length;)
        {
            var end = first + 1;
            while (end < _keys.Length && _keys[end] == _keys[first])
            {
                end++;
            }

            if (end - first > 1)
            {
                Array.Sort(_ids, first, end - first);
            }

            first = end;
        }

        TensorPrimitives.Negate(_keys, _keys);
        return _keys.Length;
    }
}
