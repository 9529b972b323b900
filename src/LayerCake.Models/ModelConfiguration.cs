using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.Models;

/// <summary>The numbers of a decoder-only model that this build needs, read from <c>config.json</c> and checked.</summary>
public sealed record ModelConfiguration
{
    /// <summary>The model's class, <c>architectures[0]</c>, for example <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The folder or file the configuration came from, as errors name it.</summary>
    public required string Source { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Inner size of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    public required int LayerCount { get; init; }

    /// <summary>Query heads; divides <see cref="HiddenSize"/>.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key and value heads; divides <see cref="HeadCount"/>, equal to it without grouped heads.</summary>
    public required int KeyValueHeadCount { get; init; }

    public required int VocabularySize { get; init; }

    public required double RmsNormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies; 10000 where the configuration says nothing.</summary>
    public double RopeTheta { get; init; } = 10000;

    public RopeScaling RopeScaling { get; init; } = RopeScaling.None;

    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>Whether q, k, v and o carry a bias (InternLM: <c>bias</c>, default true; Llama: <c>attention_bias</c>, default false).</summary>
    public required bool HasAttentionBias { get; init; }

    /// <summary>Whether the head shares the embedding's weight, so that a checkpoint may lack it.</summary>
    public bool TiesHeadToEmbedding { get; init; }

    /// <summary><see cref="HiddenSize"/> / <see cref="HeadCount"/>.</summary>
    public int HeadDimension => HiddenSize / HeadCount;

    /// <summary>Rows of k_proj and v_proj: <see cref="KeyValueHeadCount"/> × <see cref="HeadDimension"/>.</summary>
    public int KeyValueSize => KeyValueHeadCount * HeadDimension;

    /// <summary>Reads and checks the configuration of a Hugging Face folder.</summary>
    /// <exception cref="ModelException">A field is missing, has the wrong type or a value that cannot be; or the architecture is not supported.</exception>
    public static ModelConfiguration Read(HuggingFaceFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return Parse(folder.Config, Path.Combine(folder.Path, "config.json"));
    }

    /// <summary>Reads and checks the content of a <c>config.json</c>; <paramref name="source"/> is what errors call it.</summary>
    /// <exception cref="ModelException">A field is missing, has the wrong type or a value that cannot be; or the architecture is not supported.</exception>
    public static ModelConfiguration Parse(JsonElement config, string source) => new ConfigurationReader(config, source).Read();
}
