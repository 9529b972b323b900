using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>How a model is loaded and run. What is left null comes from the workspace's config.ini, or from what <c>lmdeploy convert</c> would write there.</summary>
public sealed record RuntimeOptions
{
    /// <summary>Default: CUDA where there is one.</summary>
    public RuntimeDevice Device { get; init; } = RuntimeDevice.Auto;

    /// <summary>Threads that compute. Changes no result. Default: the machine's processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The chat template; needed for a model folder that is no workspace if <see cref="TurboMindModel.ChatTemplate"/> is used.</summary>
    public string? ModelName { get; init; }

    /// <summary>float16 or bfloat16 for a checkpoint, instead of what its config.json says. A workspace and an AWQ checkpoint have theirs.</summary>
    public WeightType? WeightType { get; init; }

    /// <summary>Float or int8 instead of what <c>quant_policy</c> says. Int8 needs scales: the workspace's own or <see cref="KeyValueScalesFolder"/>.</summary>
    public KeyValueCacheType? KeyValueCache { get; init; }

    /// <summary>A folder with <c>layers.N.past_kv_scale.R.weight</c> files, as kv_qparams writes them, instead of those of the workspace.</summary>
    public string? KeyValueScalesFolder { get; init; }

    /// <summary>The most tokens a session may have (<c>session_len</c>), 1 or more.</summary>
    public int? SessionLength { get; init; }

    /// <summary>Below 1: a share of the device's memory for the KV cache; otherwise a number of blocks (<c>cache_max_entry_count</c>). Greater than 0.</summary>
    public double? CacheMaxEntryCount { get; init; }

    /// <summary>Tokens per block of the KV cache (<c>cache_block_seq_len</c>), a multiple of 32.</summary>
    public int? CacheBlockSequenceLength { get; init; }

    /// <summary>Sequences that are computed together (<c>max_batch_size</c>), 1 or more.</summary>
    public int? MaxBatchSize { get; init; }

    /// <summary>Prompt tokens that are computed at a time, 1 or more (<c>num_tokens_per_iter</c>). Changes no result. Default 512.</summary>
    public int? TokensPerIteration { get; init; }

    /// <summary>Dynamic NTK: 1 or more switches it on, 0 off (<c>rope_scaling_factor</c>).</summary>
    public double? RopeScalingFactor { get; init; }
}
