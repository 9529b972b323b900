namespace LayerCake.TurboMind;

/// <summary>The numbers of a model that decide whether TurboMind can carry it; known from config.json alone.</summary>
public sealed record ModelDimensions
{
    public required int LayerCount { get; init; }

    public required int HiddenSize { get; init; }

    public required int HeadCount { get; init; }

    public required int KeyValueHeadCount { get; init; }

    public required int IntermediateSize { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Width of one head when it is not <see cref="HiddenSize"/> / <see cref="HeadCount"/>.</summary>
    public int? HeadDimension { get; init; }

    internal int HeadWidth => HeadDimension ?? (HiddenSize % HeadCount == 0 ? HiddenSize / HeadCount : 0);

    /// <summary>Columns of q (and rows of o).</summary>
    internal int QueryWidth => HeadCount * EngineConfiguration.HeadSize;

    /// <summary>Columns of k and of v.</summary>
    internal int KeyValueWidth => KeyValueHeadCount * EngineConfiguration.HeadSize;
}
