namespace LayerCake.Runtime;

/// <summary>
/// Blocks for a sequence that is to be computed: free ones first, then those of the session that was not computed for longest, then those of the latest arrivals among the
/// running. What loses blocks is computed again from its token ids when its turn comes.
/// </summary>
internal sealed class BlockReservation(BlockPool pool, IReadOnlyCollection<Sequence> sequences)
{
    /// <param name="sequence">The sequence; all its tokens are to fit.</param>
    /// <param name="running">The running calls, in order of arrival.</param>
    /// <param name="index">Which of them the sequence is: only later ones give way.</param>
    /// <returns>False when it has to wait for others.</returns>
    public bool TryReserve(Sequence sequence, IReadOnlyList<GenerationRequest> running, int index)
    {
        while (!sequence.Reserve(sequence.Tokens.Count, pool))
        {
            var victim = LongestIdle() ?? LatestAfter(running, index);
            if (victim is null)
            {
                return false;
            }

            victim.EvictLast(pool);
        }

        return true;
    }

    private Sequence? LongestIdle()
    {
        Sequence? oldest = null;
        foreach (var candidate in sequences)
        {
            if (!candidate.IsRunning && candidate.Blocks.Count > 0 && (oldest is null || candidate.LastUse < oldest.LastUse))
            {
                oldest = candidate;
            }
        }

        return oldest;
    }

    private static Sequence? LatestAfter(IReadOnlyList<GenerationRequest> running, int index)
    {
        for (var i = running.Count - 1; i > index; i--)
        {
            if (running[i].Sequence.Blocks.Count > 0)
            {
                return running[i].Sequence;
            }
        }

        return null;
    }
}
