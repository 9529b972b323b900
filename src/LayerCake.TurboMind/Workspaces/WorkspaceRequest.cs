namespace LayerCake.TurboMind;

/// <summary>A whole <c>lmdeploy convert</c>.</summary>
public sealed record WorkspaceRequest
{
    public required ConversionSource Source { get; init; }

    public required ConversionOptions Options { get; init; }

    public required WorkspaceContent Content { get; init; }

    /// <summary>The model folder as typed, for the console lines and the tokenizer warning.</summary>
    public required string ModelPath { get; init; }

    /// <summary>What the console lines call the model folder; null for <see cref="ModelPath"/> itself.</summary>
    public string? ShownModelPath { get; init; }

    /// <summary>The destination as typed, for the console lines.</summary>
    public required string ShownDestination { get; init; }
}
