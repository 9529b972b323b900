using System.Buffers;

namespace LayerCake.Text.SentencePiece;

/// <summary>
/// SentencePiece's normalization: character rules, white space, and the space in front of the text ("dummy prefix"). User-defined
/// pieces pass through unchanged.
/// </summary>
internal sealed class TextNormalizer
{
    private readonly NormalizerSpecification _specification;
    private readonly CharacterRules? _rules;
    private readonly SymbolMatcher? _symbols;
    private readonly bool _spaceIsSuffix;

    // ASCII that nothing applies to: no space, no rule, no symbol begins with it.
    private readonly SearchValues<byte> _plainBytes;

    public TextNormalizer(NormalizerSpecification specification, bool spaceIsSuffix, SymbolMatcher? symbols, string name)
    {
        _specification = specification;
        _spaceIsSuffix = spaceIsSuffix;
        _symbols = symbols;
        _rules = specification.PrecompiledCharacterMap.IsEmpty
            ? null
            : CharacterRules.Parse(specification.PrecompiledCharacterMap, name);
        _plainBytes = SearchValues.Create(PlainBytes());
    }

    private ReadOnlySpan<byte> Space => _specification.EscapeWhitespaces ? Utf8Characters.Space : " "u8;

    /// <summary>The normalized form of <paramref name="text"/>, which may be any bytes. The caller disposes it.</summary>
    public ByteBuffer Normalize(ReadOnlySpan<byte> text)
    {
        var output = new ByteBuffer((int)Math.Min(text.Length * 5L / 4, int.MaxValue / 2) + 16);
        text = SkipLeadingSpaces(text);
        if (text.IsEmpty)
        {
            return output;
        }

        if (_specification.AddDummyPrefix && !_spaceIsSuffix)
        {
            output.Append(Space);
        }

        AppendBody(text, output);

        if (_specification.RemoveExtraWhitespaces)
        {
            while (output.Content.EndsWith(Space))
            {
                output.Truncate(output.Length - Space.Length);
            }
        }

        if (_specification.AddDummyPrefix && _spaceIsSuffix)
        {
            output.Append(Space);
        }

        return output;
    }

    private ReadOnlySpan<byte> SkipLeadingSpaces(ReadOnlySpan<byte> text)
    {
        if (_specification.RemoveExtraWhitespaces)
        {
            while (!text.IsEmpty)
            {
                int consumed = NextCharacter(text, out var character);
                if (!character.SequenceEqual(" "u8))
                {
                    break;
                }

                text = text[consumed..];
            }
        }

        return text;
    }

    private void AppendBody(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        bool dropSpaces = _specification.RemoveExtraWhitespaces;
        bool afterSpace = dropSpaces;
        while (!text.IsEmpty)
        {
            int plain = text.IndexOfAnyExcept(_plainBytes);
            plain = plain < 0 ? text.Length : plain;
            if (plain > 0)
            {
                output.Append(text[..plain]);
                text = text[plain..];
                afterSpace = false;
                continue;
            }

            int consumed = NextCharacter(text, out var character);
            text = text[consumed..];
            if (afterSpace)
            {
                character = character.TrimStart((byte)' ');
            }

            if (!character.IsEmpty)
            {
                AppendEscaped(character, output);
                afterSpace = dropSpaces && character[^1] == ' ';
            }
        }
    }

    private byte[] PlainBytes()
    {
        var plain = new List<byte>();
        for (byte b = 0; b < 0x80; b++)
        {
            if (b != ' ' && _rules?.MayBeginWith(b) != true && _symbols?.MayBeginWith(b) != true)
            {
                plain.Add(b);
            }
        }

        return [.. plain];
    }

    private void AppendEscaped(ReadOnlySpan<byte> character, ByteBuffer output)
    {
        foreach (byte b in character)
        {
            if (b == ' ')
            {
                output.Append(Space);
            }
            else
            {
                output.Append(b);
            }
        }
    }

    /// <summary>What the text begins with: a symbol, the longest rule's match, or one character. Returns the bytes it takes.</summary>
    private int NextCharacter(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> normalized)
    {
        if (_symbols is not null && _symbols.MayBeginWith(text[0]) && _symbols.LengthAtStart(text) is > 0 and int symbol)
        {
            normalized = text[..symbol];
            return symbol;
        }

        if (_rules is not null && _rules.LongestRule(text, out normalized) is > 0 and int rule)
        {
            return rule;
        }

        int length = Utf8Characters.ValidLengthAtStart(text);
        normalized = length == 0 ? Utf8Characters.Replacement : text[..length];
        return Math.Max(1, length);
    }
}
