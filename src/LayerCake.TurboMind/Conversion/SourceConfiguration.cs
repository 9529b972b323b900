using System.Text.Json;

namespace LayerCake.TurboMind;

/// <summary>The fields of a Hugging Face config.json that a workspace needs, checked one by one.</summary>
internal sealed record SourceConfiguration
{
    private static readonly string[] Architectures = ["InternLMForCausalLM", "LlamaForCausalLM", "LLaMAForCausalLM"];

    public required ModelDimensions Dimensions { get; init; }

    public required PythonNumber NormEpsilon { get; init; }

    public required double RopeTheta { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>torch_dtype (or dtype, its name in newer files) without a "torch." prefix; null if absent.</summary>
    public required string? TorchDType { get; init; }

    public required bool TiesEmbeddings { get; init; }

    /// <summary>rope_scaling as it stands in the file when it asks for something; the engine has no such setting to land in.</summary>
    public required string? RopeScaling { get; init; }

    /// <exception cref="WorkspaceException">A field is missing, of the wrong type or out of range.</exception>
    public static SourceConfiguration Read(JsonElement root, string path)
    {
        var fields = new JsonFields(root, path);
        CheckArchitecture(root, path);
        var heads = fields.Integer("num_attention_heads", 1, 1 << 16);
        return new SourceConfiguration
        {
            Dimensions = new ModelDimensions
            {
                LayerCount = fields.Integer("num_hidden_layers", 1, 10_000),
                HiddenSize = fields.Integer("hidden_size", 1, 1 << 24),
                HeadCount = heads,
                KeyValueHeadCount = fields.OptionalInteger("num_key_value_heads", 1, 1 << 16) ?? heads,
                IntermediateSize = fields.Integer("intermediate_size", 1, 1 << 28),
                VocabularySize = fields.Integer("vocab_size", 1, int.MaxValue / 2),
                HeadDimension = fields.OptionalInteger("head_dim", 1, 1 << 16),
            },
            NormEpsilon = fields.Number("rms_norm_eps"),
            RopeTheta = fields.OptionalNumber("rope_theta")?.Value ?? 10000.0,
            MaxPositionEmbeddings = fields.OptionalInteger("max_position_embeddings", 0, int.MaxValue) ?? 0,
            TorchDType = (fields.OptionalText("torch_dtype") ?? fields.OptionalText("dtype"))?.Replace("torch.", "", StringComparison.Ordinal),
            TiesEmbeddings = fields.OptionalBoolean("tie_word_embeddings") ?? false,
            RopeScaling = fields.OptionalObjectText("rope_scaling"),
        };
    }

    /// <summary>Other models may use the same tensor names and compute something else (sliding windows, logit caps, experts).</summary>
    private static void CheckArchitecture(JsonElement root, string path)
    {
        if (root.TryGetProperty("architectures", out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            && list[0].ValueKind == JsonValueKind.String && list[0].GetString() is { } name && !Architectures.Contains(name))
        {
            throw new WorkspaceException($"{path}: architecture {name} is not supported. Supported: {string.Join(", ", Architectures)}");
        }
    }

    /// <summary>Refuses a quantization_config that says something other than AWQ as the GEMM layout packs it.</summary>
    public static void CheckQuantization(JsonElement root, string path, bool expectAwq, int groupSize)
    {
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("quantization_config", out var quantization) || quantization.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        var fields = new JsonFields(quantization, path + " (quantization_config)");
        var method = fields.OptionalText("quant_method") ?? "awq";
        if (!expectAwq)
        {
            throw new WorkspaceException(
                $"{path}: the checkpoint is quantized (quant_method {method}). For an AWQ checkpoint use --model-format awq --group-size {WorkspaceLimits.Int4GroupSize}");
        }

        var version = fields.OptionalText("version") ?? "gemm";
        var bits = fields.OptionalInteger("bits", 1, 64) ?? fields.OptionalInteger("w_bit", 1, 64) ?? 4;
        var zeroPoint = fields.OptionalBoolean("zero_point") ?? true;
        if (method != "awq" || !version.Equals("gemm", StringComparison.OrdinalIgnoreCase) || bits != 4 || !zeroPoint)
        {
            throw new WorkspaceException(
                $"{path}: quant_method {method}, version {version}, bits {bits}, zero_point {zeroPoint}: only AWQ, version gemm, 4 bits, with zero points can be converted");
        }

        var declared = fields.OptionalInteger("group_size", -1, 1 << 20) ?? fields.OptionalInteger("q_group_size", -1, 1 << 20);
        if (declared is { } size && size != groupSize)
        {
            throw new WorkspaceException($"{path}: the checkpoint's group size is {size}, not {groupSize}; give --group-size {size}");
        }
    }
}
