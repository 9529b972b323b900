namespace LayerCake.Runtime;

/// <summary>Stop words as sequences of tokens at the end of an answer.</summary>
internal static class StopWords
{
    /// <summary>The tokens of the stop word that the answer ends in, the longest; 0 for none.</summary>
    /// <param name="tokens">The whole sequence.</param>
    /// <param name="generated">How many of its last tokens are the answer: a stop word begins in it.</param>
    public static int Match(IReadOnlyList<int> tokens, int generated, GenerationOptions options)
    {
        var longest = 0;
        foreach (var word in options.StopWords)
        {
            if (word.Length <= generated && word.Length > longest && Sampler.EndsWith(tokens, word.AsSpan()))
            {
                longest = word.Length;
            }
        }

        return longest;
    }

    /// <summary>How many of the last tokens may yet turn out to be the beginning of a stop word.</summary>
    public static int Held(IReadOnlyList<int> tokens, int generated, GenerationOptions options)
    {
        var held = 0;
        foreach (var word in options.StopWords)
        {
            for (var length = Math.Min(word.Length - 1, generated); length > held; length--)
            {
                if (Sampler.EndsWith(tokens, word.AsSpan()[..length]))
                {
                    held = length;
                }
            }
        }

        return held;
    }
}
