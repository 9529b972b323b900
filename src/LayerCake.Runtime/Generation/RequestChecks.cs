using System.Collections.Immutable;
using System.Globalization;

namespace LayerCake.Runtime;

/// <summary>What a call may ask for; everything else is told before anything is computed.</summary>
internal static class RequestChecks
{
    // The engine's limit for the words of a request, tokens of all of them together, is 32; a generous multiple keeps the search short.
    private const int MaxWordTokens = 1024;

    public static void Ids(ReadOnlySpan<int> ids, int vocabulary)
    {
        for (var i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0 || ids[i] >= vocabulary)
            {
                throw new RuntimeException(
                    $"token id {ids[i]} at index {i} is not in the model's vocabulary of {vocabulary}: is the text encoded with this model's tokenizer?");
            }
        }
    }

    public static void Options(GenerationOptions options, int vocabulary)
    {
        Require(options.RequestOutputLength >= 0, "request_output_len", options.RequestOutputLength, "0 or more");
        Require(options.Temperature >= 0 && float.IsFinite(options.Temperature), "temperature", options.Temperature, "a number, 0 or greater");
        Require(
            options.RepetitionPenalty > 0 && float.IsFinite(options.RepetitionPenalty), "repetition_penalty", options.RepetitionPenalty, "a number greater than 0");
        Require(options.TopK >= 0, "top_k", options.TopK, "0 or more");
        Require(options.TopP is >= 0 and <= 1, "top_p", options.TopP, "0 to 1");
        Words("stop word", options.StopWords, vocabulary);
        Words("bad word", options.BadWords, vocabulary);
    }

    private static void Words(string what, ImmutableArray<ImmutableArray<int>> words, int vocabulary)
    {
        if (words.IsDefault)
        {
            throw new RuntimeException($"the list of {what}s is not set; give an empty one for none");
        }

        var total = 0;
        foreach (var word in words)
        {
            if (word.IsDefaultOrEmpty)
            {
                throw new RuntimeException($"a {what} is empty: it would match everywhere");
            }

            Ids(word.AsSpan(), vocabulary);
            total += word.Length;
        }

        if (total > MaxWordTokens)
        {
            throw new RuntimeException($"the {what}s have {total} tokens together; {MaxWordTokens} is the most");
        }
    }

    private static void Require<TValue>(bool holds, string name, TValue value, string expected)
        where TValue : IFormattable
    {
        if (!holds)
        {
            throw new RuntimeException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be {expected}"));
        }
    }
}
