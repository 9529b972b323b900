namespace LayerCake.Chat;

/// <summary>
/// Ends a text that comes piece by piece where one of some sequences is complete, and leaves the sequence out. Text that may be the beginning of one is held back until
/// that is decided, so what is returned is never taken back. How the text is cut into pieces makes no difference.
/// </summary>
/// <param name="sequences">None of them empty. The one that is complete first ends the text; of those that end together, the longest.</param>
internal sealed class StopSequenceFilter(IReadOnlyList<string> sequences)
{
    private string _held = "";

    /// <summary>Whether a sequence was there; nothing more may be added then.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Takes the next piece and returns the text that is certain now.</summary>
    public string Append(string piece)
    {
        if (sequences.Count == 0 || piece.Length == 0)
        {
            return piece;
        }

        var text = _held + piece;
        var (start, end) = (-1, int.MaxValue);
        foreach (var sequence in sequences)
        {
            var found = text.IndexOf(sequence, StringComparison.Ordinal);
            if (found >= 0 && (found + sequence.Length, found).CompareTo((end, start)) < 0)
            {
                (start, end) = (found, found + sequence.Length);
            }
        }

        IsStopped = start >= 0;
        var decided = IsStopped ? start : text.Length - HeldLength(text);
        _held = IsStopped ? "" : text[decided..];
        return text[..decided];
    }

    /// <summary>What was held back, once no more text comes.</summary>
    public string Complete()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    /// <summary>The length of the longest end of the text that a sequence begins with.</summary>
    private int HeldLength(string text)
    {
        var longest = 0;
        foreach (var sequence in sequences)
        {
            for (var length = Math.Min(sequence.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(sequence.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
