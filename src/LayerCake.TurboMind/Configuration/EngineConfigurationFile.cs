using System.Globalization;
using System.Text;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>config.ini, byte for byte as Python's configparser writes it, and its strict reader.</summary>
public static class EngineConfigurationFile
{
    public const string FileName = "config.ini";

    private const string Section = "llama";

    // No config.ini is near this; a larger file is not one.
    private const int MaxBytes = 64 * 1024;

    private static readonly string[] OtherKeys = ["use_dynamic_ntk", "num_tokens_per_iter", "extra_tokens_per_iter", "max_prefill_iters"];

    /// <summary>The file's text: LF line ends, an empty line at the end.</summary>
    public static string Format(EngineConfiguration configuration)
    {
        var text = new StringBuilder($"[{Section}]\n");
        foreach (var (key, value) in Values(configuration))
        {
            text.Append(key).Append(" = ").Append(value).Append('\n');
        }

        return text.Append('\n').ToString();
    }

    /// <summary>Writes config.ini into <paramref name="folder"/>, replacing one that is there (never changing it in place: it may be a hard link).</summary>
    public static void Write(string folder, EngineConfiguration configuration) =>
        OutputFile.WriteText(Path.Combine(folder, FileName), Format(configuration));

    /// <exception cref="WorkspaceException">Absent, unreadable, or not a config.ini the engine would take.</exception>
    public static EngineConfiguration Read(string path)
    {
        byte[] bytes;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            if (stream.Length > MaxBytes)
            {
                throw new WorkspaceException($"{path}: {stream.Length} bytes is too long for a config.ini (limit {MaxBytes})");
            }

            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{path} cannot be read: {fault.Message} Is this a TurboMind workspace?", fault);
        }

        try
        {
            return Parse(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes), path);
        }
        catch (DecoderFallbackException fault)
        {
            throw new WorkspaceException($"{path} is not UTF-8 text", fault);
        }
    }

    /// <param name="text">The file's text.</param>
    /// <param name="path">The file, as errors name it.</param>
    /// <exception cref="WorkspaceException">A fault with its line: syntax, unknown or duplicate key, a value out of range, a missing key.</exception>
    public static EngineConfiguration Parse(string text, string path)
    {
        var values = new EngineConfigurationValues(path, Section);
        values.Load(text);
        var heads = values.RequiredInteger("head_num", 1, 1 << 16);
        var configuration = new EngineConfiguration
        {
            ModelName = values.Required("model_name"),
            TensorParallel = values.RequiredInteger("tensor_para_size", 1, 1024),
            HeadCount = heads,
            KeyValueHeadCount = values.IntegerOr("kv_head_num", heads, 0, 1 << 16),
            VocabularySize = values.RequiredInteger("vocab_size", 1, int.MaxValue / 2),
            LayerCount = values.RequiredInteger("num_layer", 1, 10_000),
            IntermediateSize = values.RequiredInteger("inter_size", 1, 1 << 28),
            NormEpsilon = values.RequiredNumber("norm_eps"),
            AttentionBias = values.IntegerOr("attn_bias", 0, 0, 1) == 1,
            StartId = values.RequiredInteger("start_id", 0, int.MaxValue),
            EndId = values.RequiredInteger("end_id", 0, int.MaxValue),
            SessionLength = values.IntegerOr("session_len", 0, 0, int.MaxValue),
            WeightType = values.RequiredWeightType("weight_type"),
            RotaryEmbedding = values.RequiredInteger("rotary_embedding", 1, 1 << 16),
            RopeTheta = values.NumberOr("rope_theta", 10000),
            SizePerHead = values.RequiredInteger("size_per_head", 1, 1 << 12),
            GroupSize = values.IntegerOr("group_size", 0, 0, 1 << 20),
            MaxBatchSize = values.IntegerOr("max_batch_size", 64, 0, int.MaxValue),
            MaxContextTokenNum = values.IntegerOr("max_context_token_num", 0, 0, int.MaxValue),
            StepLength = values.IntegerOr("step_length", 1, 0, int.MaxValue),
            CacheMaxEntryCount = values.NumberOr("cache_max_entry_count", 0.95),
            CacheBlockSequenceLength = values.IntegerOr("cache_block_seq_len", 128, 0, int.MaxValue),
            CacheChunkSize = values.IntegerOr("cache_chunk_size", 0, int.MinValue, int.MaxValue),
            UseContextFmha = values.IntegerOr("use_context_fmha", 1, 0, 1) == 1,
            QuantPolicy = values.IntegerOr("quant_policy", 0, 0, int.MaxValue),
            MaxPositionEmbeddings = values.IntegerOr("max_position_embeddings", 0, 0, int.MaxValue),
            RopeScalingFactor = values.NumberOr("rope_scaling_factor", 0),
            UseLogNAttention = values.IntegerOr("use_logn_attn", 0, 0, 1) == 1,
            OtherValues = values.TakeOthers(OtherKeys),
        };
        values.RefuseUnknownKeys();
        if ((long)configuration.HeadCount * configuration.SizePerHead > 1 << 24)
        {
            throw new WorkspaceException($"{path}: head_num {heads} with size_per_head {configuration.SizePerHead} is not a model's width");
        }

        // A listing is of this many times about ten files.
        if ((long)configuration.LayerCount * configuration.TensorParallel > 100_000)
        {
            throw new WorkspaceException($"{path}: num_layer {configuration.LayerCount} with tensor_para_size {configuration.TensorParallel} is not a model's");
        }

        // The engine reads 0 as "as many as query heads".
        return configuration.KeyValueHeadCount == 0 ? configuration with { KeyValueHeadCount = heads } : configuration;
    }

    /// <summary>The file's keys and values, in its order.</summary>
    public static IEnumerable<(string Key, string Value)> Values(EngineConfiguration c)
    {
        yield return ("model_name", c.ModelName);
        yield return ("tensor_para_size", Text(c.TensorParallel));
        yield return ("head_num", Text(c.HeadCount));
        yield return ("kv_head_num", Text(c.KeyValueHeadCount));
        yield return ("vocab_size", Text(c.VocabularySize));
        yield return ("num_layer", Text(c.LayerCount));
        yield return ("inter_size", Text(c.IntermediateSize));
        yield return ("norm_eps", c.NormEpsilon.ToString());
        yield return ("attn_bias", Text(c.AttentionBias));
        yield return ("start_id", Text(c.StartId));
        yield return ("end_id", Text(c.EndId));
        yield return ("session_len", Text(c.SessionLength));
        yield return ("weight_type", c.WeightType.ConfigurationName());
        yield return ("rotary_embedding", Text(c.RotaryEmbedding));
        yield return ("rope_theta", PythonFloat.Format(c.RopeTheta));
        yield return ("size_per_head", Text(c.SizePerHead));
        yield return ("group_size", Text(c.GroupSize));
        yield return ("max_batch_size", Text(c.MaxBatchSize));
        yield return ("max_context_token_num", Text(c.MaxContextTokenNum));
        yield return ("step_length", Text(c.StepLength));
        yield return ("cache_max_entry_count", PythonFloat.Format(c.CacheMaxEntryCount));
        yield return ("cache_block_seq_len", Text(c.CacheBlockSequenceLength));
        yield return ("cache_chunk_size", Text(c.CacheChunkSize));
        yield return ("use_context_fmha", Text(c.UseContextFmha));
        yield return ("quant_policy", Text(c.QuantPolicy));
        yield return ("max_position_embeddings", Text(c.MaxPositionEmbeddings));
        yield return ("rope_scaling_factor", PythonFloat.Format(c.RopeScalingFactor));
        yield return ("use_logn_attn", Text(c.UseLogNAttention));
        foreach (var (key, value) in c.OtherValues)
        {
            yield return (key, value);
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool value) => value ? "1" : "0";
}
