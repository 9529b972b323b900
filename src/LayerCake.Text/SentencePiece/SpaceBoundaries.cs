namespace LayerCake.Text.SentencePiece;

/// <summary>
/// Where text can be cut without changing what merging makes of it: before or after a space (U+2581) whose neighbour no piece of
/// the vocabulary has beside a space. No piece can span such a place, so no merge can.
/// </summary>
internal sealed class SpaceBoundaries
{
    private readonly HashSet<uint> _charactersBeforeSpace = [];
    private readonly HashSet<uint> _charactersAfterSpace = [];

    public SpaceBoundaries(PieceVocabulary vocabulary)
    {
        for (int id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.TypeOf(id) is PieceType.Normal or PieceType.UserDefined or PieceType.Unused)
            {
                AddNeighbours(vocabulary.TextOf(id));
            }
        }
    }

    /// <summary>The length of the first part of <paramref name="text"/> that can be treated by itself; all of it if there is no cut.</summary>
    public int FirstPart(ReadOnlySpan<byte> text)
    {
        var space = Utf8Characters.Space;
        int position = 0;
        while (true)
        {
            int ahead = text[position..].IndexOf(space);
            if (ahead < 0)
            {
                return text.Length;
            }

            position += ahead;
            if (position > 0 && !_charactersBeforeSpace.Contains(LastCharacter(text[..position])))
            {
                return position;
            }

            position += space.Length;
            if (position < text.Length && !_charactersAfterSpace.Contains(FirstCharacter(text[position..])))
            {
                return position;
            }
        }
    }

    private static uint FirstCharacter(ReadOnlySpan<byte> text) => Packed(text[..Utf8Characters.LengthAtStart(text)]);

    /// <summary>The bytes back to the last one that can begin a character.</summary>
    private static uint LastCharacter(ReadOnlySpan<byte> text)
    {
        int start = text.Length - 1;
        while (start > 0 && text.Length - start < 4 && (text[start] & 0xC0) == 0x80)
        {
            start--;
        }

        return Packed(text[start..]);
    }

    private static uint Packed(ReadOnlySpan<byte> character)
    {
        uint packed = 0;
        foreach (byte b in character)
        {
            packed = (packed << 8) | b;
        }

        return packed;
    }

    private void AddNeighbours(ReadOnlySpan<byte> piece)
    {
        var space = Utf8Characters.Space;
        for (int position = 0; piece[position..].IndexOf(space) is >= 0 and int ahead;)
        {
            position += ahead;
            if (position > 0)
            {
                _charactersBeforeSpace.Add(LastCharacter(piece[..position]));
            }

            position += space.Length;
            if (position < piece.Length)
            {
                _charactersAfterSpace.Add(FirstCharacter(piece[position..]));
            }
        }
    }
}
