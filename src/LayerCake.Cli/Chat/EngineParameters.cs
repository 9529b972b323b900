using System.CommandLine;
using System.Globalization;
using LayerCake.Cli.Lite;
using LayerCake.Runtime;

namespace LayerCake.Cli.Chat;

/// <summary>Keys of config.ini that may be set on the command line, and where the scales of an int8 KV cache are.</summary>
internal sealed class EngineParameters
{
    private readonly FireParameter _quantPolicy = new("quant_policy", "4 keeps keys and values in int8, 0 in the model's own type.");
    private readonly FireParameter _scales = new("kv_scales", "A folder with the scales of an int8 KV cache, as kv_qparams writes them; the workspace's own where not given.");
    private readonly FireParameter _maxBatchSize = new("max_batch_size", "Sequences that are computed together.");
    private readonly FireParameter _cacheMaxEntryCount = new("cache_max_entry_count", "Below 1 a share of the memory for keys and values, otherwise a number of blocks.");
    private readonly FireParameter _cacheBlockLength = new("cache_block_seq_len", "Tokens of a block of keys and values.");
    private readonly FireParameter _tokensPerIteration = new("num_tokens_per_iter", "Prompt tokens that are computed at a time.");
    private readonly FireParameter _ropeScalingFactor = new("rope_scaling_factor", "Dynamic NTK: 1 or more switches it on.");

    public IReadOnlyList<FireParameter> All =>
        [_quantPolicy, _scales, _maxBatchSize, _cacheMaxEntryCount, _cacheBlockLength, _tokensPerIteration, _ropeScalingFactor];

    /// <summary>The options with what the command line sets of them.</summary>
    /// <exception cref="UsageException">A value is no number, or not one the key can have.</exception>
    public RuntimeOptions Apply(RuntimeOptions options, Func<FireParameter, string?> text) => options with
    {
        KeyValueCache = text(_quantPolicy) switch
        {
            null => null,
            "0" => KeyValueCacheType.Float,
            "4" => KeyValueCacheType.Int8,
            var other => throw new UsageException($"--quant_policy takes 0 or 4, not '{other}'."),
        },
        KeyValueScalesFolder = text(_scales),
        MaxBatchSize = Integer(_maxBatchSize, text),
        CacheMaxEntryCount = Number(_cacheMaxEntryCount, text),
        CacheBlockSequenceLength = Integer(_cacheBlockLength, text),
        TokensPerIteration = Integer(_tokensPerIteration, text),
        RopeScalingFactor = Number(_ropeScalingFactor, text),
    };

    private static int? Integer(FireParameter parameter, Func<FireParameter, string?> text) =>
        text(parameter) is { } value ? FireParameter.ParseInteger(parameter.Name, value, 1) : null;

    private static double? Number(FireParameter parameter, Func<FireParameter, string?> text) => text(parameter) is not { } value ? null
        : double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0 ? number
        : throw new UsageException($"--{parameter.Name} takes a number, 0 or greater, not '{value}'.");
}
