using System.Globalization;
using System.Text.Json;

namespace LayerCake.Models;

/// <summary>Reads <c>config.json</c>, trusting nothing in it: every field has a type and a range.</summary>
internal sealed class ConfigurationReader(JsonElement config, string source)
{
    // Far above any published model, far below what would overflow a product of two of them in 64 bits.
    private const int LargestDimension = 1 << 20;
    private const int LargestLayerCount = 4096;
    private const int LargestVocabulary = 1 << 24;

    public ModelConfiguration Read()
    {
        if (config.ValueKind != JsonValueKind.Object)
        {
            throw new ModelException($"{source} is not a JSON object: it begins as {Describe(config)}. Give the folder of a Hugging Face checkpoint.");
        }

        var architecture = Architecture();
        var family = ModelFamily.Find(architecture) ?? throw new ModelException(
            $"{source}: architecture '{architecture}' is not supported. Supported are: {string.Join(", ", ModelFamily.All.Select(known => known.Architecture))}.");

        var hiddenSize = Integer("hidden_size", 1, LargestDimension);
        var headCount = Integer("num_attention_heads", 1, LargestDimension);
        var keyValueHeadCount = OptionalInteger("num_key_value_heads", 1, LargestDimension) ?? headCount;
        CheckHeads(hiddenSize, headCount, keyValueHeadCount);
        CheckUnsupported();
        var (ropeTheta, ropeScaling) = Rope();

        return new ModelConfiguration
        {
            Architecture = architecture,
            Source = source,
            HiddenSize = hiddenSize,
            IntermediateSize = Integer("intermediate_size", 1, LargestDimension),
            LayerCount = Integer("num_hidden_layers", 1, LargestLayerCount),
            HeadCount = headCount,
            KeyValueHeadCount = keyValueHeadCount,
            VocabularySize = Integer("vocab_size", 1, LargestVocabulary),
            RmsNormEpsilon = OptionalNumber(config, "rms_norm_eps", 0, 1) ?? 1e-6,
            RopeTheta = ropeTheta,
            RopeScaling = ropeScaling,
            MaxPositionEmbeddings = OptionalInteger("max_position_embeddings", 1, int.MaxValue) ?? 2048,
            HasAttentionBias = Flag(family.AttentionBiasField) ?? family.AttentionBiasDefault,
            TiesHeadToEmbedding = Flag("tie_word_embeddings") ?? false,
        };
    }

    private string Architecture()
    {
        var field = Field(config, "architectures");
        if (field is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() == 0 || list[0].ValueKind != JsonValueKind.String)
        {
            throw new ModelException(
                $"{source}: field 'architectures' must be a list that begins with the model's class name, but is {Describe(field)}. " +
                $"Supported are: {string.Join(", ", ModelFamily.All.Select(known => known.Architecture))}.");
        }

        return list[0].GetString()!;
    }

    private void CheckHeads(int hiddenSize, int headCount, int keyValueHeadCount)
    {
        if (hiddenSize % headCount != 0)
        {
            throw new ModelException($"{source}: hidden_size {hiddenSize} is not a multiple of num_attention_heads {headCount}.");
        }

        if (headCount % keyValueHeadCount != 0)
        {
            throw new ModelException($"{source}: num_attention_heads {headCount} is not a multiple of num_key_value_heads {keyValueHeadCount}.");
        }

        var headDimension = hiddenSize / headCount;
        if (OptionalInteger("head_dim", 1, LargestDimension) is { } stated && stated != headDimension)
        {
            throw new ModelException(
                $"{source}: head_dim {stated} differs from hidden_size / num_attention_heads = {headDimension}; " +
                "models with a head size of their own are not supported.");
        }

        if (headDimension % 2 != 0)
        {
            throw new ModelException($"{source}: the head size {headDimension} (hidden_size / num_attention_heads) is odd; rotary embedding needs an even one.");
        }
    }

    private void CheckUnsupported()
    {
        if (Field(config, "hidden_act") is { } activation && !(activation.ValueKind == JsonValueKind.String && activation.GetString() is "silu" or "swish"))
        {
            throw new ModelException($"{source}: hidden_act {Describe(activation)} is not supported; supported is \"silu\".");
        }

        if (Flag("mlp_bias") == true)
        {
            throw new ModelException($"{source}: mlp_bias true is not supported: the engine's MLP has no biases.");
        }
    }

    private (double Theta, RopeScaling Scaling) Rope()
    {
        var theta = OptionalNumber(config, "rope_theta", 1e-3, 1e12);
        var scaling = Scaling("rope_scaling", requireFactor: true);

        // InternLM keeps both in an object of its own: {"rotary": {"base": 10000, "type": "dynamic"}}; newer Transformers in "rope_parameters".
        if (Field(config, "rotary") is { ValueKind: JsonValueKind.Object } rotary)
        {
            theta ??= OptionalNumber(rotary, "base", 1e-3, 1e12);
            scaling ??= Scaling("rotary", requireFactor: false);
        }

        if (Field(config, "rope_parameters") is { ValueKind: JsonValueKind.Object } parameters)
        {
            theta ??= OptionalNumber(parameters, "rope_theta", 1e-3, 1e12);
            scaling ??= Scaling("rope_parameters", requireFactor: true);
        }

        return (theta ?? 10000, scaling ?? RopeScaling.None);
    }

    private RopeScaling? Scaling(string name, bool requireFactor)
    {
        if (Field(config, name) is not { } scaling)
        {
            return null;
        }

        if (scaling.ValueKind != JsonValueKind.Object)
        {
            throw new ModelException($"{source}: field '{name}' must be an object or null, but is {Describe(scaling)}.");
        }

        var kind = Field(scaling, "type") ?? Field(scaling, "rope_type");
        switch (kind is { ValueKind: JsonValueKind.String } text ? text.GetString() : null)
        {
            case "origin" or "default":
                return RopeScaling.None;
            case "linear":
                return new RopeScaling(RopeScalingKind.Linear, Factor());
            case "dynamic":
                return new RopeScaling(RopeScalingKind.Dynamic, Factor());
            default:
                throw new ModelException(
                    $"{source}: field '{name}' asks for the type {Describe(kind)}, which is not supported; supported are \"linear\" and \"dynamic\".");
        }

        double Factor() => OptionalNumber(scaling, "factor", 1, 1e6) ?? (requireFactor
            ? throw new ModelException($"{source}: field '{name}' has no factor.")
            : 1);
    }

    private int Integer(string name, int least, int most) => OptionalInteger(name, least, most) ?? throw new ModelException(
        $"{source}: field '{name}' is missing. The file is not the config.json of a complete checkpoint.");

    private int? OptionalInteger(string name, int least, int most)
    {
        if (Field(config, name) is not { } field)
        {
            return null;
        }

        // 4096.0 is not an integer here: the original would fail on it too, far from the cause.
        if (field.ValueKind != JsonValueKind.Number || !field.TryGetInt64(out var value))
        {
            throw new ModelException($"{source}: field '{name}' must be an integer, but is {Describe(field)}.");
        }

        return value >= least && value <= most ? (int)value : throw new ModelException(
            $"{source}: field '{name}' is {value}, outside {least} to {most}.");
    }

    private double? OptionalNumber(JsonElement parent, string name, double least, double most)
    {
        if (Field(parent, name) is not { } field)
        {
            return null;
        }

        if (field.ValueKind != JsonValueKind.Number || !field.TryGetDouble(out var value))
        {
            throw new ModelException($"{source}: field '{name}' must be a number, but is {Describe(field)}.");
        }

        return value >= least && value <= most ? value : throw new ModelException(string.Create(
            CultureInfo.InvariantCulture, $"{source}: field '{name}' is {value}, outside {least} to {most}."));
    }

    private bool? Flag(string name) => Field(config, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw new ModelException($"{source}: field '{name}' must be true or false, but is {Describe(other)}."),
    };

    /// <summary>The value of a field, null where it is absent or null: Transformers treats both alike.</summary>
    private static JsonElement? Field(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string Describe(JsonElement? element)
    {
        if (element is not { } present)
        {
            return "missing";
        }

        var text = present.GetRawText();
        return text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 57), "...");
    }
}
