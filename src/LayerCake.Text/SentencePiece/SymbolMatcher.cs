using System.Buffers;

namespace LayerCake.Text.SentencePiece;

/// <summary>Finds user-defined pieces in text, the longest first: they are kept whole, whatever stands around them.</summary>
internal sealed class SymbolMatcher
{
    private readonly PieceVocabulary _vocabulary;
    private readonly ByteTrie _symbols;
    private readonly SearchValues<byte> _firstBytes;

    private SymbolMatcher(PieceVocabulary vocabulary, int[] ids)
    {
        _vocabulary = vocabulary;
        _symbols = ByteTrie.Build(vocabulary, ids);
        _firstBytes = SearchValues.Create([.. ids.Select(id => vocabulary.TextOf(id)[0]).Distinct()]);
    }

    /// <summary>Null when the model defines no such pieces.</summary>
    public static SymbolMatcher? For(PieceVocabulary vocabulary)
    {
        int[] ids = vocabulary.IdsOf(PieceType.UserDefined);
        return ids.Length == 0 ? null : new SymbolMatcher(vocabulary, ids);
    }

    /// <summary>Whether a symbol can begin with this byte.</summary>
    public bool MayBeginWith(byte first) => _firstBytes.Contains(first);

    /// <summary>The length of the symbol that <paramref name="text"/> begins with, or 0.</summary>
    public int LengthAtStart(ReadOnlySpan<byte> text)
    {
        int id = _symbols.LongestPrefix(text);
        return id < 0 ? 0 : _vocabulary.TextOf(id).Length;
    }

    /// <summary>The place of the first symbol in <paramref name="text"/>, or -1, and its length.</summary>
    public int IndexIn(ReadOnlySpan<byte> text, out int length)
    {
        int position = 0;
        while (text[position..].IndexOfAny(_firstBytes) is >= 0 and int ahead)
        {
            position += ahead;
            length = LengthAtStart(text[position..]);
            if (length > 0)
            {
                return position;
            }

            position += Utf8Characters.LengthAtStart(text[position..]);
        }

        length = 0;
        return -1;
    }
}
