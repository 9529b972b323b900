using System.Collections.Frozen;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Chat;

/// <summary>
/// Text of token ids that come one by one. All that <see cref="Append"/> and <see cref="Complete"/> return, joined, is the text of
/// all ids; a character whose bytes come in several tokens is returned once, whole, and what is returned is never taken back.
/// </summary>
/// <remarks>Not thread-safe. Time and memory of a token do not grow with the text.</remarks>
public sealed class StreamingDetokenizer
{
    private readonly Detokenizer _detokenizer;
    private readonly FrozenDictionary<int, AddedToken> _added;
    private readonly int _vocabularySize;
    private DetokenizerState _state = new(64);

    /// <summary>Decodes with a model alone.</summary>
    public StreamingDetokenizer(SentencePieceTokenizer tokenizer)
        : this(tokenizer, [])
    {
    }

    /// <summary>Decodes with the tokenizer of a folder: its special tokens give no text, its other added tokens their own.</summary>
    public StreamingDetokenizer(TokenizerFolder folder)
        : this((folder ?? throw new ArgumentNullException(nameof(folder))).Tokenizer, folder.AddedTokens)
    {
    }

    private StreamingDetokenizer(SentencePieceTokenizer tokenizer, IReadOnlyList<AddedToken> added)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _detokenizer = tokenizer.Detokenizer;
        _vocabularySize = tokenizer.VocabularySize;
        _added = added.ToFrozenDictionary(token => token.Id);
    }

    /// <summary>Takes the next id and returns the text that is certain now; often empty in the middle of a character.</summary>
    /// <exception cref="TokenizerException">The id is not in the vocabulary.</exception>
    public string Append(int id)
    {
        if (_added.GetValueOrDefault(id) is { } added && (added.IsSpecial || id >= _vocabularySize))
        {
            if (added.IsSpecial)
            {
                return "";
            }

            _detokenizer.Append(added.Content, _state);
        }
        else
        {
            _detokenizer.Append(id, _state);
        }

        return _detokenizer.TakeDecided(_state);
    }

    /// <summary>The rest: bytes that became no character, each as U+FFFD. The next id begins a new text.</summary>
    public string Complete()
    {
        string rest = _detokenizer.Complete(_state);
        _state.Dispose();
        _state = new DetokenizerState(64);
        return rest;
    }
}
