using System.Globalization;

namespace LayerCake.Models;

/// <summary>
/// What models of one class have in common: names, the order of their modules, and what AWQ may smooth.
/// Orders are those in which the modelling code constructs the modules: statistics files, packed checkpoints and logs follow them.
/// </summary>
public sealed class ModelFamily
{
    // The order of the original's own outputs for both families (tests/golden). Transformers 4.31 and later build Llama's MLP as gate, up, down;
    // the order decides nothing but the order of entries in files and logs.
    private static readonly IReadOnlyList<string> LinearsInOrder = [PartNames.Query, PartNames.Key, PartNames.Value, PartNames.Output, PartNames.Gate, PartNames.Down, PartNames.Up];

    private readonly IReadOnlyList<string> _linearNames;

    private ModelFamily(string architecture, string attentionBiasField, bool attentionBiasDefault, IReadOnlyList<string> linearNames)
    {
        Architecture = architecture;
        AttentionBiasField = attentionBiasField;
        AttentionBiasDefault = attentionBiasDefault;
        _linearNames = linearNames;
    }

    /// <summary>InternLM (7B and 20B): Llama's layer with biases on q, k, v and o.</summary>
    public static ModelFamily InternLM { get; } =
        new("InternLMForCausalLM", "bias", attentionBiasDefault: true, LinearsInOrder);

    /// <summary>Llama and Llama 2, with and without grouped KV heads, and what shares their class (Vicuna, SOLAR).</summary>
    public static ModelFamily Llama { get; } =
        new("LlamaForCausalLM", "attention_bias", attentionBiasDefault: false, LinearsInOrder);

    public static IReadOnlyList<ModelFamily> All { get; } = [InternLM, Llama];

    /// <summary>The model class's exact name, <c>architectures[0]</c> of its configuration.</summary>
    public string Architecture { get; }

    /// <summary>Name of the embedding's weight, [vocabulary, hidden].</summary>
    public string Embedding => "model.embed_tokens.weight";

    /// <summary>Module name of the norm after the last layer; its weight is <c>model.norm.weight</c>.</summary>
    public string FinalNorm => "model.norm";

    /// <summary>Name of the head's weight, [vocabulary, hidden].</summary>
    public string Head => "lm_head.weight";

    /// <summary>Names of the norms inside a layer, in construction order.</summary>
    public IReadOnlyList<string> LayerNorms { get; } = [PartNames.InputNorm, PartNames.PostAttentionNorm];

    /// <summary>Names of the linears inside a layer, in construction order.</summary>
    public IReadOnlyList<string> LayerLinears => _linearNames;

    /// <summary>Applied first, in this order. Keys come before queries as in LMDeploy's table.</summary>
    public IReadOnlyList<NormSmoothing> NormSmoothings { get; } =
        [new(PartNames.InputNorm, [PartNames.Key, PartNames.Query, PartNames.Value]), new(PartNames.PostAttentionNorm, [PartNames.Gate, PartNames.Up])];

    /// <summary>Applied after <see cref="NormSmoothings"/>, in this order, on weights those have already changed.</summary>
    public IReadOnlyList<LinearSmoothing> LinearSmoothings { get; } = [new(PartNames.Value, PartNames.Output), new(PartNames.Up, PartNames.Down)];

    internal string AttentionBiasField { get; }

    internal bool AttentionBiasDefault { get; }

    /// <summary>The family of a configuration.</summary>
    /// <exception cref="ModelException">The architecture is not supported.</exception>
    public static ModelFamily Of(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Find(configuration.Architecture) ?? throw new ModelException(
            $"{configuration.Source}: architecture '{configuration.Architecture}' is not supported. Supported are: {string.Join(", ", All.Select(known => known.Architecture))}.");
    }

    /// <summary>A decoder layer's module name, for example <c>model.layers.0</c>.</summary>
    public string Layer(int layer) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}");

    /// <summary>A module inside a layer, for example <c>model.layers.0.self_attn.q_proj</c>.</summary>
    public string Module(int layer, string name) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{name}");

    /// <summary>The linears of any one layer with their sizes, in construction order.</summary>
    public IReadOnlyList<LinearLayout> Linears(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return [.. _linearNames.Select(name => Linear(name, configuration))];
    }

    /// <summary>Module names of all linears of all layers, layer by layer: those whose inputs calibration observes.</summary>
    public IReadOnlyList<string> ObservedLinears(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return [.. Enumerable.Range(0, configuration.LayerCount).SelectMany(layer => _linearNames.Select(name => Module(layer, name)))];
    }

    /// <summary>Module names of all norms, the final one last.</summary>
    public IReadOnlyList<string> ObservedNorms(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return
        [
            .. Enumerable.Range(0, configuration.LayerCount).SelectMany(layer => LayerNorms.Select(name => Module(layer, name))),
            FinalNorm,
        ];
    }

    internal static ModelFamily? Find(string architecture) => All.FirstOrDefault(family => family.Architecture == architecture);

    private static LinearLayout Linear(string name, ModelConfiguration configuration) => name switch
    {
        PartNames.Query or PartNames.Output => new(name, configuration.HiddenSize, configuration.HiddenSize, configuration.HasAttentionBias),
        PartNames.Key or PartNames.Value => new(name, configuration.KeyValueSize, configuration.HiddenSize, configuration.HasAttentionBias),
        PartNames.Gate or PartNames.Up => new(name, configuration.IntermediateSize, configuration.HiddenSize, HasBias: false),
        PartNames.Down => new(name, configuration.HiddenSize, configuration.IntermediateSize, HasBias: false),
        _ => throw new InvalidOperationException($"No sizes for the linear {name}."),
    };
}
