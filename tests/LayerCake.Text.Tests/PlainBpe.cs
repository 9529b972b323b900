using System.Text;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Tests;

/// <summary>Byte-pair encoding as its definition says, over the whole text at once: slow and plain.</summary>
internal sealed class PlainBpe(ModelFile model)
{
    private readonly PieceVocabulary _vocabulary = new(model, "test");
    private readonly Dictionary<string, (string Left, string Right)> _parts = [];

    private sealed record Symbol(string Text, bool IsFrozen);

    public int[] Encode(string text)
    {
        _parts.Clear();
        var matcher = SymbolMatcher.For(_vocabulary);
        using var normalized = new TextNormalizer(model.Normalizer, model.Trainer.TreatWhitespaceAsSuffix, matcher, "test")
            .Normalize(Encoding.UTF8.GetBytes(text));
        var symbols = Split(normalized.Content, matcher);
        for (int i = 1; i < symbols.Count; i++)
        {
            Score(symbols, i - 1);
        }

        while (Best(symbols) is >= 0 and int best)
        {
            symbols[best] = new Symbol(symbols[best].Text + symbols[best + 1].Text, IsFrozen: false);
            symbols.RemoveAt(best + 1);

            // As the original: a neighbourhood is looked at once, when it comes about, from the left.
            Score(symbols, best - 1);
            Score(symbols, best);
        }

        var ids = new List<int>();
        foreach (var symbol in symbols)
        {
            Add(symbol.Text, ids);
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

    private void Score(List<Symbol> symbols, int left)
    {
        if (Merged(symbols, left) is >= 0 and int id && _vocabulary.TypeOf(id) == PieceType.Unused)
        {
            _parts[symbols[left].Text + symbols[left + 1].Text] = (symbols[left].Text, symbols[left + 1].Text);
        }
    }

    private void Add(string text, List<int> ids)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int id = _vocabulary.IdOf(bytes);
        if (_vocabulary.TypeOf(id) == PieceType.Unused && _parts.TryGetValue(text, out var parts))
        {
            Add(parts.Left, ids);
            Add(parts.Right, ids);
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
