using System.Runtime.CompilerServices;
using LayerCake.Runtime;
using LayerCake.Text;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Sessions;

/// <summary>One answer of a session, read as text.</summary>
internal sealed class Answer(IChatSession session, TokenizerFolder tokenizer)
{
    private readonly List<int> _tokens = [];

    /// <summary>Ids generated so far.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>Whether the engine ended it: the answer is in the session's history.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Tokens generated, as the engine counts them: with a final stop word.</summary>
    public int TokenCount => HasEnded ? session.LastResult!.GeneratedTokenCount : _tokens.Count;

    /// <summary>Whether a limit ended it.</summary>
    public bool IsCut => HasEnded && session.LastResult!.FinishReason is FinishReason.Length or FinishReason.SessionLength;

    /// <summary>
    /// The text in pieces, as soon as each is certain: whole characters, and nothing that may be the beginning of a stop sequence.
    /// </summary>
    /// <param name="ids">The prompt.</param>
    /// <param name="options">Sampling and limits.</param>
    /// <param name="stopSequences">Texts that end the answer and are left out of it.</param>
    /// <param name="cancellationToken">Ends the answer.</param>
    public async IAsyncEnumerable<string> ReadAsync(
        IReadOnlyList<int> ids, GenerationOptions options, IReadOnlyList<string> stopSequences, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var detokenizer = new StreamingDetokenizer(tokenizer);
        var filter = new StopSequenceFilter(stopSequences);
        await foreach (var token in session.GenerateAsync(ids, options, cancellationToken).ConfigureAwait(false))
        {
            _tokens.Add(token.Id);
            var text = filter.Append(detokenizer.Append(token.Id));
            if (text.Length > 0)
            {
                yield return text;
            }

            if (filter.IsStopped)
            {
                yield break;
            }
        }

        HasEnded = true;
        var rest = filter.Append(detokenizer.Complete());
        rest += filter.Complete();
        if (rest.Length > 0)
        {
            yield return rest;
        }
    }
}
