namespace LayerCake.Text.SentencePiece;

/// <summary>The fields of TrainerSpec (sentencepiece_model.proto) that encoding and decoding depend on, with their defaults.</summary>
internal sealed record TrainerSpecification
{
    public ModelKind Kind { get; init; } = ModelKind.Unigram;

    public bool TreatWhitespaceAsSuffix { get; init; }

    public bool ByteFallback { get; init; }

    /// <summary>What an unknown piece decodes to.</summary>
    public string UnknownSurface { get; init; } = " \u2047 ";

    public string BosPiece { get; init; } = "<s>";

    public string EosPiece { get; init; } = "</s>";

    public string PadPiece { get; init; } = "<pad>";
}
