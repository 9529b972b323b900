namespace LayerCake.Text.SentencePiece;

/// <summary>NormalizerSpec of sentencepiece_model.proto, with its defaults.</summary>
internal sealed record NormalizerSpecification
{
    /// <summary>A double-array trie and the replacements it points into; empty for the identity.</summary>
    public ReadOnlyMemory<byte> PrecompiledCharacterMap { get; init; }

    public bool AddDummyPrefix { get; init; } = true;

    public bool RemoveExtraWhitespaces { get; init; } = true;

    public bool EscapeWhitespaces { get; init; } = true;
}
