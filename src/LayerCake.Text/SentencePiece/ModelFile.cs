using System.Globalization;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>A parsed SentencePiece <c>.model</c> file: a protobuf message ModelProto.</summary>
internal sealed class ModelFile
{
    // Longer ones are refused by the original too; it keeps every later walk over a piece short.
    private const int LongestPiece = 8000;

    // Sixty times the largest vocabularies in use: what claims more would only fill the memory.
    private const int MostPieces = 1 << 24;

    private readonly byte[] _bytes;
    private readonly string _name;
    private readonly List<PieceRecord> _pieces = [];

    private ModelFile(byte[] bytes, string name)
    {
        _bytes = bytes;
        _name = name;
    }

    /// <summary>One entry of the vocabulary: where its text lies in the file, and what it is.</summary>
    internal readonly record struct PieceRecord(int Start, int Length, float Score, PieceType Type);

    public byte[] Bytes => _bytes;

    public IReadOnlyList<PieceRecord> Pieces => _pieces;

    public TrainerSpecification Trainer { get; private set; } = new();

    public NormalizerSpecification Normalizer { get; private set; } = new();

    /// <summary>How decoded text is changed at the end; null for not at all.</summary>
    public NormalizerSpecification? Denormalizer { get; private set; }

    /// <exception cref="TokenizerException">The bytes are no SentencePiece model.</exception>
    public static ModelFile Parse(byte[] bytes, string name)
    {
        FileKinds.RefuseOther(bytes, name);

        var model = new ModelFile(bytes, name);
        try
        {
            model.ReadModel();
        }
        catch (InvalidDataException exception)
        {
            throw new TokenizerException(
                $"{name}: not a SentencePiece model, or a damaged one: {exception.Message}. Download the tokenizer.model again.", exception);
        }

        if (model._pieces.Count == 0)
        {
            throw new TokenizerException($"{name}: not a SentencePiece model: it holds no pieces. Download the tokenizer.model again.");
        }

        return model;
    }

    private void ReadModel()
    {
        var reader = new ProtobufReader(_bytes, 0, _bytes.Length);
        while (reader.Next())
        {
            if (reader.Field is 1 or 2 or 3 or 5)
            {
                if (!reader.TryBytes(out int start, out int length))
                {
                    continue;
                }

                var message = new ProtobufReader(_bytes, start, start + length);
                switch (reader.Field)
                {
                    case 1:
                        ReadPiece(message);
                        break;
                    case 2:
                        ReadTrainer(message);
                        break;
                    case 3:
                        Normalizer = ReadNormalizer(message, Normalizer);
                        break;
                    default:
                        Denormalizer = ReadNormalizer(message, Denormalizer ?? new NormalizerSpecification());
                        break;
                }
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void ReadPiece(ProtobufReader reader)
    {
        int textStart = 0;
        int textLength = 0;
        float pieceScore = 0;
        var type = PieceType.Normal;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 when reader.TryBytes(out int start, out int length):
                    (textStart, textLength) = (start, length);
                    break;
                case 2 when reader.TryFloat(out float score):
                    pieceScore = score;
                    break;
                case 3 when reader.TryVarint(out ulong number):
                    // A value beyond the known ones leaves the default, as in proto2.
                    type = number is >= 1 and <= 6 ? (PieceType)number : type;
                    break;
                case > 3:
                    reader.Skip();
                    break;
            }
        }

        int id = _pieces.Count;
        if (id == MostPieces)
        {
            throw new TokenizerException(string.Create(
                CultureInfo.InvariantCulture, $"{_name}: not a SentencePiece model: it holds more than {MostPieces} pieces."));
        }

        if (textLength is 0 or >= LongestPiece || float.IsNaN(pieceScore))
        {
            string fault = textLength == 0 ? "is empty"
                : textLength >= LongestPiece ? string.Create(CultureInfo.InvariantCulture, $"has {textLength} bytes, more than a piece can")
                : "has a score that is not a number";
            throw new TokenizerException(
                string.Create(CultureInfo.InvariantCulture, $"{_name}: piece {id} {fault}. Download the tokenizer.model again."));
        }

        _pieces.Add(new PieceRecord(textStart, textLength, pieceScore, type));
    }

    private void ReadTrainer(ProtobufReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3 when reader.TryVarint(out ulong value):
                    Trainer = Trainer with { Kind = value is >= 1 and <= 4 ? (ModelKind)value : Trainer.Kind };
                    break;
                case 24 when reader.TryVarint(out ulong value):
                    Trainer = Trainer with { TreatWhitespaceAsSuffix = value != 0 };
                    break;
                case 35 when reader.TryVarint(out ulong value):
                    Trainer = Trainer with { ByteFallback = value != 0 };
                    break;
                case 44 when reader.TryBytes(out int start, out int length):
                    Trainer = Trainer with { UnknownSurface = TextAt(start, length) };
                    break;
                case 46 when reader.TryBytes(out int start, out int length):
                    Trainer = Trainer with { BosPiece = NameAt(start, length, Trainer.BosPiece) };
                    break;
                case 47 when reader.TryBytes(out int start, out int length):
                    Trainer = Trainer with { EosPiece = NameAt(start, length, Trainer.EosPiece) };
                    break;
                case 48 when reader.TryBytes(out int start, out int length):
                    Trainer = Trainer with { PadPiece = NameAt(start, length, Trainer.PadPiece) };
                    break;
                case not (3 or 24 or 35 or 44 or 46 or 47 or 48):
                    reader.Skip();
                    break;
            }
        }
    }

    private NormalizerSpecification ReadNormalizer(ProtobufReader reader, NormalizerSpecification specification)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2 when reader.TryBytes(out int start, out int length):
                    specification = specification with { PrecompiledCharacterMap = _bytes.AsMemory(start, length) };
                    break;
                case 3 when reader.TryVarint(out ulong value):
                    specification = specification with { AddDummyPrefix = value != 0 };
                    break;
                case 4 when reader.TryVarint(out ulong value):
                    specification = specification with { RemoveExtraWhitespaces = value != 0 };
                    break;
                case 5 when reader.TryVarint(out ulong value):
                    specification = specification with { EscapeWhitespaces = value != 0 };
                    break;
                case not (2 or 3 or 4 or 5):
                    reader.Skip();
                    break;
            }
        }

        return specification;
    }

    private string TextAt(int start, int length) => Encoding.UTF8.GetString(_bytes, start, length);

    private string NameAt(int start, int length, string whenEmpty) => length == 0 ? whenEmpty : TextAt(start, length);
}
