using LayerCake.Kernels;
using LayerCake.Torch;
using LayerCake.TurboMind;
using TorchSharp;

namespace LayerCake.Runtime;

/// <summary>Opens a model of any kind and brings its weights onto a device.</summary>
internal static class ModelLoading
{
    public static IWeightFeed Open(string path, RuntimeOptions options)
    {
        if (!Directory.Exists(path))
        {
            throw new RuntimeException(File.Exists(path)
                ? $"{path} is a file; a workspace or a model folder was expected"
                : $"{path} does not exist; a workspace or a model folder was expected. Check the path");
        }

        return WorkspaceFeed.Recognizes(path) ? WorkspaceFeed.Open(path) : CheckpointFeed.Open(path, options);
    }

    /// <summary>The settings in effect: the model's, with the options' values in their place.</summary>
    public static EngineConfiguration Effective(EngineConfiguration c, RuntimeOptions options)
    {
        Require(options.Threads is >= 1 and <= 4096, "threads", options.Threads, "1 to 4096");
        Require(options.SessionLength is null or >= 1, "session_len", options.SessionLength, "1 or more");
        Require(options.MaxBatchSize is null or >= 1, "max_batch_size", options.MaxBatchSize, "1 or more");
        Require(options.TokensPerIteration is null or >= 1, "num_tokens_per_iter", options.TokensPerIteration, "1 or more");
        Require(options.CacheMaxEntryCount is null or (> 0 and < int.MaxValue), "cache_max_entry_count", options.CacheMaxEntryCount, "greater than 0");
        Require(options.RopeScalingFactor is null or 0 or (>= 1 and < 1e6), "rope_scaling_factor", options.RopeScalingFactor, "0, or 1 or more");
        Require(
            options.CacheBlockSequenceLength is null or (>= 32 and <= 1 << 20) && options.CacheBlockSequenceLength.GetValueOrDefault() % 32 == 0,
            "cache_block_seq_len",
            options.CacheBlockSequenceLength,
            "a multiple of 32");
        var int8 = (c.QuantPolicy & 4) != 0;
        var policy = options.KeyValueCache switch
        {
            KeyValueCacheType.Int8 => c.QuantPolicy | 4,
            KeyValueCacheType.Float => c.QuantPolicy & ~4,
            _ => int8 ? c.QuantPolicy : c.QuantPolicy & ~4,
        };
        if ((policy & 4) != 0 && c.WeightType == WeightType.BFloat16)
        {
            throw new RuntimeException("an int8 KV cache needs float16 activations (weights fp16 or int4); the model has bf16 weights. Use a float cache");
        }

        // The engine reads 0 as its default, for each of these.
        var blockTokens = options.CacheBlockSequenceLength ?? (c.CacheBlockSequenceLength == 0 ? 128 : c.CacheBlockSequenceLength);
        var trained = c.MaxPositionEmbeddings == 0 ? 2048 : c.MaxPositionEmbeddings;
        if (options.WeightType is { } type && type != c.WeightType)
        {
            throw new RuntimeException(
                $"weight_type is {type.ConfigurationName()}, but the model has {c.WeightType.ConfigurationName()} weights; only an unquantized checkpoint can be run in another type");
        }

        return c with
        {
            ModelName = options.ModelName ?? c.ModelName,
            QuantPolicy = policy,
            SessionLength = options.SessionLength ?? (c.SessionLength == 0 ? trained : c.SessionLength),
            CacheMaxEntryCount = options.CacheMaxEntryCount ?? (c.CacheMaxEntryCount == 0 ? 0.95 : c.CacheMaxEntryCount),
            CacheBlockSequenceLength = blockTokens,
            MaxBatchSize = options.MaxBatchSize ?? (c.MaxBatchSize == 0 ? 64 : c.MaxBatchSize),
            MaxPositionEmbeddings = trained,
            RopeScalingFactor = options.RopeScalingFactor ?? c.RopeScalingFactor,
        };
    }

    public static KeyValueScales? Scales(IWeightFeed feed, EngineConfiguration configuration, RuntimeOptions options)
    {
        if ((configuration.QuantPolicy & 4) == 0)
        {
            return null;
        }

        return KeyValueScales.Read(
            options.KeyValueScalesFolder ?? feed.KeyValueScalesFolder
            ?? throw new RuntimeException("an int8 KV cache needs scales, and a model folder has none: name the folder that kv_qparams wrote"),
            configuration);
    }

    /// <summary>The weights on the device that the options ask for.</summary>
    /// <exception cref="RuntimeException">There is no such device.</exception>
    public static IBackend Load(IWeightFeed feed, EngineConfiguration configuration, RuntimeOptions options, CancellationToken cancellation)
    {
        var scales = Scales(feed, configuration, options);
        if (IsCuda(options.Device))
        {
            return LoadTorch(feed, configuration, scales, TorchDevices.Resolve("cuda"), cancellation);
        }

        return configuration.WeightType == WeightType.BFloat16
            ? LoadCpu<BFloat16Type>(feed, configuration, scales, options.Threads, cancellation)
            : LoadCpu<Float16Type>(feed, configuration, scales, options.Threads, cancellation);
    }

    /// <summary>The weights on a device of libtorch, which is loaded.</summary>
    public static TorchBackend LoadTorch(
        IWeightFeed feed, EngineConfiguration configuration, KeyValueScales? scales, torch.Device device, CancellationToken cancellation)
    {
        var weights = new TorchWeights(configuration, device);
        try
        {
            feed.Feed(weights, cancellation);
            return new TorchBackend(configuration, weights, scales, device);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static bool IsCuda(RuntimeDevice device)
    {
        try
        {
            return TorchDevices.ResolveKind(device.ToString().ToLowerInvariant()) == DeviceKind.Cuda;
        }
        catch (TorchException fault)
        {
            throw new RuntimeException(fault.Message, fault);
        }
    }

    private static CpuBackend<T> LoadCpu<T>(
        IWeightFeed feed, EngineConfiguration configuration, KeyValueScales? scales, int threads, CancellationToken cancellation)
        where T : struct, IHalfType
    {
        var weights = new ModelWeights<T>(configuration);
        try
        {
            feed.Feed(weights, cancellation);
            return new CpuBackend<T>(configuration, weights, scales, threads);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static void Require(bool holds, string name, IFormattable? value, string expected)
    {
        if (!holds)
        {
            throw new RuntimeException($"{name} is {value?.ToString(null, System.Globalization.CultureInfo.InvariantCulture)}; it must be {expected}");
        }
    }
}
