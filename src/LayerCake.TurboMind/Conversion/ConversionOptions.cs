namespace LayerCake.TurboMind;

/// <summary>What is asked of a conversion; the names and defaults are those of <c>lmdeploy convert</c>.</summary>
public sealed record ConversionOptions
{
    /// <summary>A registered chat model (<see cref="ChatModel.All"/>).</summary>
    public required string ModelName { get; init; }

    /// <summary><c>hf</c>, <c>awq</c> or null (inferred from the name).</summary>
    public string? ModelFormat { get; init; }

    /// <summary>Ranks, a power of two. Default 1.</summary>
    public int TensorParallel { get; init; } = 1;

    /// <summary>Group size of an AWQ checkpoint; must be its real one. For other formats only copied into config.ini. Default 0.</summary>
    public int GroupSize { get; init; }

    /// <summary>
    /// float16 or bfloat16 instead of what the checkpoint's config.json says. Default null: bfloat16 if its torch_dtype says so, else float16.
    /// An AWQ checkpoint is always int4.
    /// </summary>
    public WeightType? WeightType { get; init; }

    public required SpecialTokenIds SpecialTokens { get; init; }

    /// <summary>Threads that read, lay out and write blocks. Changes no byte. Default: the machine's processors.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;
}
