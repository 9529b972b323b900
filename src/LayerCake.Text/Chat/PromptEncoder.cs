using System.Text.RegularExpressions;

namespace LayerCake.Text.Chat;

/// <summary>
/// Ids of rendered prompts. Where the folder has tokenizer_config.json, the texts of special and added tokens inside the prompt become
/// those tokens, as in Transformers; otherwise only the pieces that the SentencePiece model itself marks as user-defined do. Thread-safe.
/// </summary>
public sealed class PromptEncoder
{
    private readonly TokenizerFolder _folder;
    private readonly bool _hasConfiguration;
    private readonly Dictionary<string, int> _special = new(StringComparer.Ordinal);
    private readonly Regex? _specialTexts;

    /// <summary>Encodes with the tokenizer of a model folder or of a workspace.</summary>
    public PromptEncoder(TokenizerFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = folder;
        _hasConfiguration = File.Exists(Path.Combine(Path.GetDirectoryName(folder.ModelPath)!, "tokenizer_config.json"));
        if (!_hasConfiguration)
        {
            return;
        }

        foreach (var id in new[] { folder.BosId, folder.EosId, folder.Tokenizer.UnknownId }.Where(id => id >= 0 && id < folder.Tokenizer.VocabularySize))
        {
            _special[folder.Tokenizer.IdToPiece(id)] = id;
        }

        foreach (var token in folder.AddedTokens.Where(token => token.Content.Length > 0))
        {
            _special[token.Content] = token.Id;
        }

        // The longest first: of two tokens that begin alike, the longer one is meant.
        _specialTexts = _special.Count == 0 ? null : new Regex(
            string.Join('|', _special.Keys.OrderByDescending(text => text.Length).Select(Regex.Escape)), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }

    /// <summary>The ids of a prompt.</summary>
    /// <param name="prompt">The rendered text.</param>
    /// <param name="isFirstTurn">Whether it begins a session, and so with BOS where the tokenizer has or wants one.</param>
    public int[] Encode(string prompt, bool isFirstTurn)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        List<int> ids = [];
        if (isFirstTurn && _folder.BosId >= 0 && (_folder.AddsBos || !_hasConfiguration))
        {
            ids.Add(_folder.BosId);
        }

        if (_specialTexts is null)
        {
            ids.AddRange(_folder.Tokenizer.Encode(prompt));
            return [.. ids];
        }

        var start = 0;
        foreach (var match in _specialTexts.EnumerateMatches(prompt))
        {
            ids.AddRange(_folder.Tokenizer.Encode(prompt[start..match.Index]));
            ids.Add(_special[prompt.Substring(match.Index, match.Length)]);
            start = match.Index + match.Length;
        }

        ids.AddRange(_folder.Tokenizer.Encode(prompt[start..]));
        return [.. ids];
    }

    /// <summary>The tokens that stand for a stop word: one where the vocabulary has the word, otherwise those of its text, in order.</summary>
    /// <remarks>The original keeps the last of several tokens only, and so stops at any text that ends like the word.</remarks>
    /// <exception cref="ChatTemplateException">The word is empty.</exception>
    public IReadOnlyList<int> EncodeStopWord(string word)
    {
        if (string.IsNullOrEmpty(word))
        {
            throw new ChatTemplateException("a stop word is empty; every answer would end at once.");
        }

        var tokenizer = _folder.Tokenizer;
        var id = _special.TryGetValue(word, out var special) ? special : tokenizer.PieceToId(word);
        if (id != tokenizer.UnknownId)
        {
            return [id];
        }

        // The space that encoding puts in front belongs to no word in the middle of an answer.
        var ids = tokenizer.Encode(word);
        return ids.Length > 1 && tokenizer.IdToPiece(ids[0]) == "\u2581" && word[0] != ' ' ? ids[1..] : ids;
    }
}
