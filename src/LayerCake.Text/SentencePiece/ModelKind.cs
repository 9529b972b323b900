namespace LayerCake.Text.SentencePiece;

/// <summary>How a model cuts text; the numbers of TrainerSpec.ModelType in sentencepiece_model.proto.</summary>
internal enum ModelKind
{
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Character = 4,
}
