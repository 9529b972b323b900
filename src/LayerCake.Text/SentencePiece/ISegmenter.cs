namespace LayerCake.Text.SentencePiece;

/// <summary>Cuts normalized text into pieces. Thread-safe.</summary>
internal interface ISegmenter
{
    /// <summary>Adds the pieces of the text to <paramref name="pieces"/>, in order.</summary>
    void Segment(ByteBuffer normalized, PieceSequence pieces);
}
