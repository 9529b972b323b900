using System.Buffers;
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
        using var state = new DetokenizerState(ids.Count * 6);
        foreach (int id in ids)
        {
            Append(id, state);
        }

        return Complete(state);
    }

    /// <summary>Takes the next id.</summary>
    public void Append(int id, DetokenizerState state)
    {
        if (id < 0 || id >= _vocabulary.Count)
        {
            throw new TokenizerException(string.Create(
                CultureInfo.InvariantCulture,
                $"Token id {id} is not in the vocabulary, whose ids are 0 to {_vocabulary.Count - 1}."));
        }

        if (_vocabulary.TypeOf(id) == PieceType.Byte)
        {
            state.Bytes.Append((byte)_vocabulary.ByteOf(id));
            return;
        }

        AppendCharacters(state.Bytes, state.Output);
        if (state.DroppedSpace || state.HasOutput)
        {
            state.AtStart = false;
        }

        state.DroppedSpace = AppendPiece(id, state.AtStart, state.Output);
    }

    /// <summary>Takes text that is no piece of the model.</summary>
    public void Append(string text, DetokenizerState state)
    {
        AppendCharacters(state.Bytes, state.Output);
        state.Output.Append(text);
    }

    /// <summary>The text since the last call that no later id can change.</summary>
    /// <remarks>A model with a table of its own for decoded text keeps all back: the table may change characters across ids.</remarks>
    public string TakeDecided(DetokenizerState state)
    {
        if (_denormalizer is not null)
        {
            return "";
        }

        TakeDecidedCharacters(state.Bytes, state.Output);
        int decided = state.Output.Length - UndecidedLengthAtEnd(state.Output.Content);
        return decided == 0 ? "" : state.Take(decided);
    }

    /// <summary>The rest of the text.</summary>
    public string Complete(DetokenizerState state)
    {
        AppendCharacters(state.Bytes, state.Output);
        if (_denormalizer is null)
        {
            return Utf8Characters.Decode(state.Output.Content);
        }

        using var changed = _denormalizer.Normalize(state.Output.Content);
        return Utf8Characters.Decode(changed.Content);
    }

    /// <summary>As <see cref="AppendCharacters"/>, up to bytes that more bytes may complete to a character.</summary>
    private static void TakeDecidedCharacters(ByteBuffer bytes, ByteBuffer output)
    {
        var rest = bytes.Content;
        while (!rest.IsEmpty && !IsBeginningOfCharacter(rest))
        {
            int length = Utf8Characters.ValidLengthAtStart(rest);
            output.Append(length == 0 ? Utf8Characters.Replacement : rest[..length]);
            rest = rest[Math.Max(1, length)..];
        }

        bytes.RemoveFirst(bytes.Length - rest.Length);
    }

    private static int UndecidedLengthAtEnd(ReadOnlySpan<byte> text)
    {
        for (int length = Math.Min(3, text.Length); length > 0; length--)
        {
            if (IsBeginningOfCharacter(text[^length..]))
            {
                return length;
            }
        }

        return 0;
    }

    private static bool IsBeginningOfCharacter(ReadOnlySpan<byte> text) =>
        Rune.DecodeFromUtf8(text, out _, out _) == OperationStatus.NeedMoreData;

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
