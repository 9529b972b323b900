namespace LayerCake.Text;

/// <summary>A token that a model folder adds to, or marks in, the vocabulary of its SentencePiece model.</summary>
/// <param name="Id">Its id; may lie beyond the SentencePiece model's ids.</param>
/// <param name="Content">Its text.</param>
/// <param name="IsSpecial">Whether decoding for a reader leaves it out.</param>
public sealed record AddedToken(int Id, string Content, bool IsSpecial);
