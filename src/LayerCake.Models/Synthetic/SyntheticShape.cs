using System.Text.Json.Nodes;

namespace LayerCake.Models;

/// <summary>The sizes of a known model, for a checkpoint of random weights with the same work in it.</summary>
public sealed record SyntheticShape
{
    /// <summary>All shapes, smallest first.</summary>
    public static IReadOnlyList<SyntheticShape> All { get; } =
    [
        new() { Name = "internlm-small", Family = ModelFamily.InternLM, Hidden = 512, Intermediate = 1408, Layers = 2, Heads = 4, KeyValueHeads = 4, Vocabulary = 4096 },
        new() { Name = "llama-small", Family = ModelFamily.Llama, Hidden = 512, Intermediate = 1408, Layers = 2, Heads = 4, KeyValueHeads = 2, Vocabulary = 4096 },
        new() { Name = "internlm-7b", Family = ModelFamily.InternLM, Hidden = 4096, Intermediate = 11008, Layers = 32, Heads = 32, KeyValueHeads = 32, Vocabulary = 103168 },
        new() { Name = "llama2-7b", Family = ModelFamily.Llama, Hidden = 4096, Intermediate = 11008, Layers = 32, Heads = 32, KeyValueHeads = 32, Vocabulary = 32000 },
        new() { Name = "llama2-13b", Family = ModelFamily.Llama, Hidden = 5120, Intermediate = 13824, Layers = 40, Heads = 40, KeyValueHeads = 40, Vocabulary = 32000 },
        new() { Name = "internlm-20b", Family = ModelFamily.InternLM, Hidden = 5120, Intermediate = 13824, Layers = 60, Heads = 40, KeyValueHeads = 40, Vocabulary = 103168 },
        new() { Name = "llama2-70b", Family = ModelFamily.Llama, Hidden = 8192, Intermediate = 28672, Layers = 80, Heads = 64, KeyValueHeads = 8, Vocabulary = 32000 },
    ];

    /// <summary>How it is asked for, for example <c>internlm-7b</c>.</summary>
    public required string Name { get; init; }

    public required ModelFamily Family { get; init; }

    public required int Hidden { get; init; }

    public required int Intermediate { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int Vocabulary { get; init; }

    /// <summary>The content of <c>config.json</c>.</summary>
    public JsonObject Configuration()
    {
        var configuration = new JsonObject
        {
            ["architectures"] = new JsonArray(Family.Architecture),
            ["model_type"] = Family == ModelFamily.InternLM ? "internlm" : "llama",
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["num_attention_heads"] = Heads,
            ["num_hidden_layers"] = Layers,
            ["vocab_size"] = Vocabulary,
            ["rms_norm_eps"] = 1e-6,
            ["max_position_embeddings"] = 2048,
            ["hidden_act"] = "silu",
            ["initializer_range"] = SyntheticCheckpoint.StandardDeviation,
            ["bos_token_id"] = 1,
            ["eos_token_id"] = 2,
            ["pad_token_id"] = 2,
            ["tie_word_embeddings"] = false,
            ["torch_dtype"] = "float16",
            ["use_cache"] = true,
        };
        if (Family == ModelFamily.InternLM)
        {
            configuration["bias"] = true;
        }
        else
        {
            configuration["num_key_value_heads"] = KeyValueHeads;
        }

        return configuration;
    }
}
