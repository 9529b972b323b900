using System.Globalization;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>The pieces of a model by id and by text.</summary>
internal sealed class PieceVocabulary
{
    private readonly ModelFile _model;
    private readonly ByteRangeTable _textPieces;
    private readonly ByteRangeTable _reservedPieces;
    private readonly int[] _byteIds = new int[256];

    /// <exception cref="TokenizerException">The pieces contradict each other or the model's settings.</exception>
    public PieceVocabulary(ModelFile model, string name)
    {
        _model = model;
        _textPieces = new ByteRangeTable(model.Bytes, model.Pieces.Count);
        _reservedPieces = new ByteRangeTable(model.Bytes, expectedCount: 300);
        UnknownId = -1;
        _byteIds.AsSpan().Fill(-1);

        for (int id = 0; id < model.Pieces.Count; id++)
        {
            Add(id, name);
        }

        if (UnknownId < 0)
        {
            throw new TokenizerException($"{name}: the model has no unknown piece. Download the tokenizer.model again.");
        }

        if (ByteFallback && _byteIds.AsSpan().Contains(-1))
        {
            throw new TokenizerException(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: the model falls back to bytes and lacks the piece of byte 0x{Array.IndexOf(_byteIds, -1):X2}. Download the tokenizer.model again."));
        }
    }

    public int Count => _model.Pieces.Count;

    /// <summary>The one piece of type unknown.</summary>
    public int UnknownId { get; private set; }

    /// <summary>Whether text that no piece covers becomes the pieces of its UTF-8 bytes.</summary>
    public bool ByteFallback => _model.Trainer.ByteFallback;

    /// <summary>Whether some piece may be built while merging but not be left in the result.</summary>
    public bool HasUnusedPieces { get; private set; }

    public ReadOnlySpan<byte> TextOf(int id) => _model.Bytes.AsSpan(_model.Pieces[id].Start, _model.Pieces[id].Length);

    public float ScoreOf(int id) => _model.Pieces[id].Score;

    public PieceType TypeOf(int id) => _model.Pieces[id].Type;

    /// <summary>All ids of these types, in order.</summary>
    public int[] IdsOf(params ReadOnlySpan<PieceType> types)
    {
        var ids = new List<int>();
        for (int id = 0; id < Count; id++)
        {
            if (types.Contains(TypeOf(id)))
            {
                ids.Add(id);
            }
        }

        return [.. ids];
    }

    /// <summary>The piece that stands for one byte, if the model falls back to bytes.</summary>
    public int IdOfByte(byte value) => _byteIds[value];

    /// <summary>The byte a piece of type byte stands for.</summary>
    public int ByteOf(int id) => ParseByte(TextOf(id));

    /// <summary>The normal, user-defined or unused piece with this text, or -1: what pieces may merge to.</summary>
    public int FindTextPiece(ReadOnlySpan<byte> text) => _textPieces.Find(text);

    /// <summary>The piece with this text, control and byte pieces before all others, or the unknown piece.</summary>
    public int IdOf(ReadOnlySpan<byte> text)
    {
        uint hash = ByteRangeTable.Hash(text);
        int id = _reservedPieces.Find(text, hash);
        if (id < 0)
        {
            id = _textPieces.Find(text, hash);
        }

        return id < 0 ? UnknownId : id;
    }

    private static bool IsText(PieceType type) => type is PieceType.Normal or PieceType.UserDefined or PieceType.Unused;

    /// <summary>"&lt;0x41&gt;" gives 0x41; anything else -1.</summary>
    private static int ParseByte(ReadOnlySpan<byte> text)
    {
        if (text.Length != 6 || !text.StartsWith("<0x"u8) || text[5] != '>')
        {
            return -1;
        }

        int high = "0123456789ABCDEF"u8.IndexOf(text[3]);
        int low = "0123456789ABCDEF"u8.IndexOf(text[4]);
        return high < 0 || low < 0 ? -1 : (high << 4) | low;
    }

    private void Add(int id, string name)
    {
        var piece = _model.Pieces[id];
        var text = TextOf(id);
        var table = IsText(piece.Type) ? _textPieces : _reservedPieces;
        uint hash = ByteRangeTable.Hash(text);
        if (table.Find(text, hash) is >= 0 and int other)
        {
            throw Contradiction(id, $"is defined twice, as {other.ToString(CultureInfo.InvariantCulture)} too", name);
        }

        table.Add(piece.Start, piece.Length, hash, id);
        switch (piece.Type)
        {
            case PieceType.Unknown when UnknownId >= 0:
                throw Contradiction(id, "is a second unknown piece", name);
            case PieceType.Unknown:
                UnknownId = id;
                break;
            case PieceType.Unused:
                HasUnusedPieces = true;
                break;
            case PieceType.Byte when !ByteFallback:
                throw Contradiction(id, "stands for a byte in a model without byte fallback", name);
            case PieceType.Byte:
                int value = ParseByte(text);
                _byteIds[value >= 0 ? value : throw Contradiction(id, "is of type byte and names none", name)] = id;
                break;
        }
    }

    private TokenizerException Contradiction(int id, string fault, string name) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{name}: piece {id} (\"{Encoding.UTF8.GetString(TextOf(id))}\") {fault}. Download the tokenizer.model again."));
}
