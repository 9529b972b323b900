namespace LayerCake.Runtime;

/// <summary>
/// What the engine keeps of a session: the token ids, the blocks with their keys and values (as far as they are not evicted), generator state and rotary base.
/// Changed under the engine's lock only.
/// </summary>
internal sealed class Sequence
{
    private readonly List<int> _tokens = [];
    private readonly List<bool> _decoded = [];
    private readonly List<int> _blocks = [];

    public IReadOnlyList<int> Tokens => _tokens;

    public IReadOnlyList<int> Blocks => _blocks;

    /// <summary>Whether each token is computed as a decoding step; a token computed again after an eviction is computed as it was.</summary>
    public IReadOnlyList<bool> Decoded => _decoded;

    /// <summary>Tokens whose keys and values are in the blocks.</summary>
    public int Cached { get; set; }

    /// <summary>Set when the sequence starts, kept for all its turns.</summary>
    public float[]? InverseFrequencies { get; set; }

    public RandomGenerator Random;

    /// <summary>When it was last computed, in forward passes of the engine.</summary>
    public long LastUse { get; set; }

    /// <summary>The call that runs or waits, or null.</summary>
    public GenerationRequest? Request { get; set; }

    /// <summary>Whether its call takes part in the passes: its blocks are then not for others that came later.</summary>
    public bool IsRunning { get; set; }

    public bool IsEnded { get; set; }

    public void Append(int token, bool decoded)
    {
        _tokens.Add(token);
        _decoded.Add(decoded);
    }

    /// <summary>The newest token will be computed with the next prompt.</summary>
    public void JoinNewestToPrompt() => _decoded[^1] = false;

    public void TruncateTo(int count, BlockPool pool)
    {
        _tokens.RemoveRange(count, _tokens.Count - count);
        _decoded.RemoveRange(count, _decoded.Count - count);
        Cached = Math.Min(Cached, count);
        ReleaseBeyond(Cached, pool);
    }

    /// <summary>Forgets the tokens, the generator's state and the rotary base.</summary>
    public void Reset(BlockPool pool)
    {
        TruncateTo(0, pool);
        InverseFrequencies = null;
        Random = new RandomGenerator(0);
    }

    /// <summary>Takes blocks until so many tokens fit.</summary>
    /// <returns>False when the pool has none left; those taken are kept.</returns>
    public bool Reserve(int tokens, BlockPool pool)
    {
        for (var missing = pool.BlocksFor(tokens) - _blocks.Count; missing > 0; missing--)
        {
            if (pool.TryTake() is >= 0 and var block)
            {
                _blocks.Add(block);
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Gives the last block back: the head of a sequence survives longest.</summary>
    public void EvictLast(BlockPool pool)
    {
        pool.Return(_blocks[^1]);
        _blocks.RemoveAt(_blocks.Count - 1);
        Cached = Math.Min(Cached, _blocks.Count * pool.BlockTokens);
    }

    public void ReleaseBeyond(int tokens, BlockPool pool)
    {
        while (_blocks.Count > pool.BlocksFor(tokens))
        {
            EvictLast(pool);
        }
    }
}
