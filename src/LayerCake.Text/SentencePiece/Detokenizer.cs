using System.Globalization;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>From ids back to text.</summary>
internal sealed class Detokenizer
{
    private readonly PieceVocabulary _vocabulary;
    private readonly byte[] _unknownSurface;
    private readonly bool _dropsLeadingSpace;
    private readonly bool _dropsLeadingSpaces;
    private readonly TextNormalizer? _denormalizer;

    public Detokenizer(PieceVocabulary vocabulary, ModelFile model, string name)
    {
        _vocabulary = vocabulary;
        _unknownSurface = Encoding.UTF8.GetBytes(model.Trainer.UnknownSurface);
        _dropsLeadingSpaces = model.Normalizer.RemoveExtraWhitespaces;
        _dropsLeadingSpace = model.Normalizer.AddDummyPrefix || _dropsLeadingSpaces;
        _denormalizer = model.Denormalizer is { PrecompiledCharacterMap.IsEmpty: false } specification
            ? new TextNormalizer(specification, spaceIsSuffix: false, symbols: null, name)
            : null;
    }

    public string Decode(IReadOnlyList<int> ids)
    {
        using var output = new ByteBuffer(ids.Count * 6);
        using var bytes = new ByteBuffer(16);

        // Until something visible has come, a space is the one that encoding put in front of the text.
        bool atStart = true;
        bool droppedSpace = false;
        foreach (int id in ids)
        {
            if (id < 0 || id >= _vocabulary.Count)
            {
                throw new TokenizerException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Token id {id} is not in the vocabulary, whose ids are 0 to {_vocabulary.Count - 1}."));
            }

            if (_vocabulary.TypeOf(id) == PieceType.Byte)
            {
                bytes.Append((byte)_vocabulary.ByteOf(id));
                continue;
            }

            AppendCharacters(bytes, output);
            if (droppedSpace || output.Length > 0)
            {
                atStart = false;
            }

            droppedSpace = AppendPiece(id, atStart, output);
        }

        AppendCharacters(bytes, output);
        if (_denormalizer is null)
        {
            return Utf8Characters.Decode(output.Content);
        }

        using var changed = _denormalizer.Normalize(output.Content);
        return Utf8Characters.Decode(changed.Content);
    }

    /// <summary>A run of byte pieces: whole characters as they are, every other byte as U+FFFD.</summary>
    private static void AppendCharacters(ByteBuffer bytes, ByteBuffer output)
    {
        var rest = bytes.Content;
        while (!rest.IsEmpty)
        {
            int length = Utf8Characters.ValidLengthAtStart(rest);
            output.Append(length == 0 ? Utf8Characters.Replacement : rest[..length]);
            rest = rest[Math.Max(1, length)..];
        }

        bytes.Truncate(0);
    }

    /// <summary>Returns whether the one space in front of the text was dropped here.</summary>
    private bool AppendPiece(int id, bool atStart, ByteBuffer output)
    {
        switch (_vocabulary.TypeOf(id))
        {
            case PieceType.Control:
                return false;
            case PieceType.Unknown:
                output.Append(_unknownSurface);
                return false;
        }

        var piece = _vocabulary.TextOf(id);
        bool dropped = atStart && _dropsLeadingSpace && piece.StartsWith(Utf8Characters.Space);
        if (dropped)
        {
            piece = piece[Utf8Characters.Space.Length..];
        }

        while (piece.IndexOf(Utf8Characters.Space) is >= 0 and int space)
        {
            output.Append(piece[..space]);
            output.Append((byte)' ');
            piece = piece[(space + Utf8Characters.Space.Length)..];
        }

        output.Append(piece);

        // Where encoding removes all leading spaces, decoding goes on dropping them.
        return dropped && !_dropsLeadingSpaces;
    }
}
