using System.Collections.Immutable;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Sessions;

/// <summary>
/// Words that end an answer: by id where a word is one token, and in the text, however it is cut into tokens. Tokens without a text of their own are only found by id,
/// words that a model spells out only in the text.
/// </summary>
/// <param name="Tokens">For the engine.</param>
/// <param name="Texts">For <see cref="StopSequenceFilter"/>.</param>
internal sealed record StopWords(ImmutableArray<ImmutableArray<int>> Tokens, ImmutableArray<string> Texts)
{
    /// <exception cref="ChatTemplateException">A word is empty.</exception>
    public static StopWords Of(IReadOnlyList<string> words, PromptEncoder encoder) => new(
        [.. words.Select(encoder.EncodeStopWord).Where(ids => ids.Count == 1).Select(ids => ids.ToImmutableArray())], [.. words]);
}
