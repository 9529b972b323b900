using System.Text;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Tests;

/// <summary>Byte-pair encoding as its definition says, over the whole text at once: slow and plain.</summary>
internal sealed class PlainBpe(ModelFile model)
{
    private readonly PieceVocabulary _vocabulary = new(model, "test");

    private sealed record Symbol(string Text, bool IsFrozen);

    public int[] Encode(string text)
    {
        var parts = new Dictionary<string, (string Left, string Right)>();
        var matcher = SymbolMatcher.For(_vocabulary);
        using var normalized = new TextNormalizer(model.Normalizer, model.Trainer.TreatWhitespaceAsSuffix, matcher, "test")
            .Normalize(Encoding.UTF8.GetBytes(text));
        var symbols = Split(normalized.Content, matcher);
        for (int i = 1; i < symbols.Count; i++)
        {
            Note(symbols, i - 1, parts);
        }

        while (Best(symbols) is >= 0 and int best)
        {
            symbols[best] = new Symbol(symbols[best].Text + symbols[best + 1].Text, IsFrozen: false);
            symbols.RemoveAt(best + 1);

            // As the original: a neighbourhood is looked at once, when it comes about, from the left.
            Note(symbols, best - 1, parts);
            Note(symbols, best, parts);
        }

        var ids = new List<int>();
        foreach (var symbol in symbols)
        {
            Add(symbol.Text, parts, ids);
        }

        return [.. ids];
    }

    private static List<Symbol> Split(ReadOnlySpan<byte> text, SymbolMatcher? matcher)
    {
        var symbols = new List<Symbol>();
        while (!text.IsEmpty)
        {
            int frozen = matcher?.LengthAtStart(text) ?? 0;
            int length = frozen > 0 ? frozen : Utf8Characters.LengthAtStart(text);
            symbols.Add(new Symbol(Encoding.UTF8.GetString(text[..length]), frozen > 0));
            text = text[length..];
        }

        return symbols;
    }

    private int Best(List<Symbol> symbols)
    {
        int best = -1;
        float bestScore = 0;
        for (int i = 0; i + 1 < symbols.Count; i++)
        {
            if (Merged(symbols, i) is >= 0 and int id && (best < 0 || _vocabulary.ScoreOf(id) > bestScore))
            {
                (best, bestScore) = (i, _vocabulary.ScoreOf(id));
            }
        }

        return best;
    }

    private int Merged(List<Symbol> symbols, int left) =>
        left < 0 || left + 1 >= symbols.Count || symbols[left].IsFrozen || symbols[left + 1].IsFrozen
            ? -1
            : _vocabulary.FindTextPiece(Encoding.UTF8.GetBytes(symbols[left].Text + symbols[left + 1].Text));

    /// <summary>Remembers what an unused piece falls apart into again.</summary>
    private void Note(List<Symbol> symbols, int left, Dictionary<string, (string Left, string Right)> parts)
    {
        if (Merged(symbols, left) is >= 0 and int id && _vocabulary.TypeOf(id) == PieceType.Unused)
        {
            parts[symbols[left].Text + symbols[left + 1].Text] = (symbols[left].Text, symbols[left + 1].Text);
        }
    }

    private void Add(string text, Dictionary<string, (string Left, string Right)> parts, List<int> ids)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int id = _vocabulary.IdOf(bytes);
        if (_vocabulary.TypeOf(id) == PieceType.Unused && parts.TryGetValue(text, out var halves))
        {
            Add(halves.Left, parts, ids);
            Add(halves.Right, parts, ids);
        }
        else if (id != _vocabulary.UnknownId)
        {
            ids.Add(id);
        }
        else if (_vocabulary.ByteFallback)
        {
            ids.AddRange(bytes.Select(b => _vocabulary.IdOfByte(b)));
        }
        else if (ids.Count == 0 || ids[^1] != id)
        {
            ids.Add(id);
        }
    }
}
