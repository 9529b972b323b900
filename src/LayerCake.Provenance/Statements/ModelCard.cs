namespace LayerCake.Provenance;

/// <summary>What a model is, for its bill of materials.</summary>
public sealed record ModelCard
{
    /// <summary>The name of the package.</summary>
    public required string Name { get; init; }

    /// <summary>The name of the model it was made from.</summary>
    public required string SourceName { get; init; }

    /// <summary>The model's class: <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Its family: <c>llama</c>, <c>internlm</c>.</summary>
    public required string Family { get; init; }

    /// <summary>Sizes and number formats, by name: <c>weights</c> = <c>int4, groups of 128 (AWQ)</c>.</summary>
    public required IReadOnlyDictionary<string, string> Facts { get; init; }

    /// <summary>Measured quality; empty where nothing was measured.</summary>
    public IReadOnlyList<QualityFigure> Quality { get; init; } = [];
}
