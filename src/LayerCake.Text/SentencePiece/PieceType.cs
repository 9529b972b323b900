namespace LayerCake.Text.SentencePiece;

/// <summary>What a piece of the vocabulary is for; the numbers of sentencepiece_model.proto.</summary>
internal enum PieceType : byte
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
