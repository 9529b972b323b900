using System.Collections.Immutable;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>
/// A conversion that will work: the model, its tensors and the options were checked against each other and against what the engine can load,
/// from headers alone. <see cref="WriteWeights"/> carries it out.
/// </summary>
public sealed class ConversionPlan
{
    private readonly ConversionSource _source;
    private readonly ConversionOptions _options;
    private readonly SourceNames _names;
    private readonly bool _tiesHead;

    private ConversionPlan(
        ConversionSource source, ConversionOptions options, SourceFormat format, EngineConfiguration configuration, bool tiesHead, ImmutableArray<string> warnings)
    {
        _source = source;
        _options = options;
        _names = format.TensorNames!;
        _tiesHead = tiesHead;
        Format = format;
        Configuration = configuration;
        Warnings = warnings;
    }

    /// <summary>The inferred source format.</summary>
    public SourceFormat Format { get; }

    /// <summary>What config.ini will say.</summary>
    public EngineConfiguration Configuration { get; }

    /// <summary>Settings of the model that the engine has no place for, as sentences.</summary>
    public ImmutableArray<string> Warnings { get; }

    /// <summary>Bytes that <see cref="WriteWeights"/> will write, config.ini left out.</summary>
    public long OutputBytes => WeightFile.Expected(Configuration).Where(file => !file.IsOptional).Sum(file => file.ByteCount);

    /// <summary>The most that <see cref="WriteWeights"/> holds in buffers at a time.</summary>
    public long PeakBufferBytes
    {
        get
        {
            // Each worker holds a block of some megabytes, or of a few rows of the widest matrix if those are more.
            long widest = Math.Max(Configuration.HiddenSize * 3L, Configuration.IntermediateSize * 2L);
            var workers = _options.Workers * ((16L << 20) + (widest * TilePacker.Side * sizeof(ushort) * 2));
            return Configuration.WeightType == WeightType.Int4
                ? workers
                : workers + (2 * sizeof(ushort) * WeightsWriter.LargestMatrix(Configuration));
        }
    }

    /// <summary>Checks everything that can be known before a weight is read.</summary>
    /// <exception cref="WorkspaceException">The model, the checkpoint or the options do not fit; all faults of a kind at once.</exception>
    public static ConversionPlan Create(ConversionSource source, ConversionOptions options)
    {
        var model = ChatModel.Find(options.ModelName);
        var format = SourceFormat.Infer(model, options.ModelFormat);
        if (format.IsAwq && options.GroupSize <= 0)
        {
            throw new WorkspaceException($"group_size: {options.GroupSize} should > 0; an AWQ checkpoint needs its group size, usually --group-size 128");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.Workers, 1);
        var config = SourceConfiguration.Read(source.Configuration, source.ConfigurationPath);
        SourceConfiguration.CheckQuantization(source.Configuration, source.ConfigurationPath, format.IsAwq, options.GroupSize);
        var names = format.TensorNames!;
        CheckPacking(source, names, format);

        var weightType = ChooseWeightType(options, format, config);
        var dimensions = Measure(source.Weights, names, format, config.Dimensions);
        WorkspaceLimits.Check(dimensions, weightType, options.TensorParallel, options.GroupSize);
        CheckSpecialTokens(options.SpecialTokens, dimensions.VocabularySize);

        var hasBias = source.Weights.TryFind($"{names.Layer(0)}{names.Query}.bias", out _);
        var hasHead = source.Weights.TryFind(names.Head, out _);
        var tiesHead = !hasHead && config.TiesEmbeddings;
        Match(source.Weights, names, format, dimensions, options.GroupSize, hasBias, tiesHead);

        var configuration = new EngineConfiguration
        {
            ModelName = model.Name,
            TensorParallel = options.TensorParallel,
            HeadCount = dimensions.HeadCount,
            KeyValueHeadCount = dimensions.KeyValueHeadCount,
            VocabularySize = dimensions.VocabularySize,
            LayerCount = dimensions.LayerCount,
            IntermediateSize = dimensions.IntermediateSize,
            NormEpsilon = config.NormEpsilon,
            AttentionBias = hasBias,
            StartId = options.SpecialTokens.BeginId,
            EndId = options.SpecialTokens.EndId,
            SessionLength = model.SessionLength,
            WeightType = weightType,
            RopeTheta = config.RopeTheta,
            GroupSize = options.GroupSize,
            MaxPositionEmbeddings = config.MaxPositionEmbeddings,
        };
        ImmutableArray<string> warnings = config.RopeScaling is { } scaling
            ? [$"{source.ConfigurationPath}: rope_scaling {scaling} has no place in config.ini and is dropped, as LMDeploy does; for dynamic NTK set rope_scaling_factor there by hand"]
            : [];
        return new ConversionPlan(source, options, format, configuration, tiesHead, warnings);
    }

    /// <summary>Writes every weight file and config.ini into <paramref name="folder"/>, which must exist and hold none of them.</summary>
    /// <param name="folder">The weights folder.</param>
    /// <param name="line">Gets the lines LMDeploy prints per tensor.</param>
    /// <param name="layerDone">Gets the number of layers finished and their total, after each layer.</param>
    /// <param name="cancellation">Stops between blocks; the folder is then incomplete.</param>
    /// <exception cref="WorkspaceException">A file cannot be written.</exception>
    /// <exception cref="CheckpointException">A tensor cannot be read.</exception>
    public void WriteWeights(
        string folder, Action<string>? line = null, Action<int, int>? layerDone = null, CancellationToken cancellation = default)
    {
        OutputFile.CreateFolder(folder);
        FeedWeights((name, byteCount) => OutputFile.Create(Path.Combine(folder, name), byteCount), line, layerDone, cancellation);
        EngineConfigurationFile.Write(folder, Configuration);
    }

    /// <summary>Writes every weight file to wherever <paramref name="create"/> says, for who wants the weights and no folder.</summary>
    /// <param name="create">Gets a file's name and its bytes. An output is disposed when it is complete, or when the conversion failed.</param>
    /// <param name="line">Gets the lines LMDeploy prints per tensor.</param>
    /// <param name="layerDone">Gets the number of layers finished and their total, after each layer.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    /// <exception cref="CheckpointException">A tensor cannot be read.</exception>
    public void FeedWeights(
        Func<string, long, IWeightOutput> create, Action<string>? line = null, Action<int, int>? layerDone = null, CancellationToken cancellation = default)
    {
        var half = Configuration.WeightType == WeightType.BFloat16 ? DType.BF16 : DType.F16;
        using var buffers = new BlockBufferPool();
        var context = new ExportContext(new SourceTensors(_source.Weights), create, Configuration.TensorParallel, _options.Workers, half, line)
        {
            Buffers = buffers,
            Cancellation = cancellation,
        };
        new WeightsWriter(context, Configuration, _names).Write(_tiesHead ? _names.Embedding : _names.Head, layerDone);
    }

    private static WeightType ChooseWeightType(ConversionOptions options, SourceFormat format, SourceConfiguration config)
    {
        if (format.IsAwq)
        {
            return options.WeightType is null or WeightType.Int4
                ? WeightType.Int4
                : throw new WorkspaceException($"an AWQ checkpoint becomes an int4 workspace, not {options.WeightType.Value.ConfigurationName()}");
        }

        if (options.WeightType == WeightType.Int4)
        {
            throw new WorkspaceException("int4 weights need an AWQ checkpoint: quantize the model with auto_awq first and convert it with --model-format awq");
        }

        // LMDeploy v0.1.0 turns the model name "llama" without a torch_dtype into an output format "half" that it then does not know; float16 is meant.
        return options.WeightType ?? (config.TorchDType == "bfloat16" ? WeightType.BFloat16 : WeightType.Float16);
    }

    /// <summary>The sizes as the tensors have them: they, not config.json, decide config.ini.</summary>
    private static ModelDimensions Measure(ITensorSource weights, SourceNames names, SourceFormat format, ModelDimensions declared)
    {
        if (weights.TryFind(names.Embedding, out var embedding) && embedding.Shape.Length == 2
            && embedding.Shape[0] is > 0 and <= int.MaxValue / 2)
        {
            declared = declared with { VocabularySize = (int)embedding.Shape[0] };
        }

        var gate = names.Layer(0) + names.Gate;
        var found = weights.TryFind(gate + (format.IsAwq ? ".scales" : ".weight"), out var tensor) && tensor.Shape.Length == 2;
        return found && tensor!.Shape[format.IsAwq ? 1 : 0] is > 0 and <= 1 << 28 and var inner
            ? declared with { IntermediateSize = (int)inner }
            : declared;
    }

    private static void CheckPacking(ConversionSource source, SourceNames names, SourceFormat format)
    {
        var query = names.Layer(0) + names.Query;
        var isPacked = source.Weights.TryFind(query + ".qweight", out _);
        if (format.IsAwq && !isPacked && source.Weights.TryFind(query + ".weight", out _))
        {
            throw new WorkspaceException($"{source.Weights.Path} holds no AWQ tensors ({query}.qweight): quantize the model with auto_awq first, or convert it without --model-format awq");
        }

        if (!format.IsAwq && isPacked)
        {
            throw new WorkspaceException($"{source.Weights.Path} holds quantized tensors ({query}.qweight): for an AWQ checkpoint use --model-format awq --group-size {WorkspaceLimits.Int4GroupSize}");
        }
    }

    private static void CheckSpecialTokens(SpecialTokenIds tokens, int vocabulary)
    {
        if (tokens.BeginId < 0 || tokens.BeginId >= vocabulary || tokens.EndId < 0 || tokens.EndId >= vocabulary)
        {
            throw new WorkspaceException(
                $"begin and end of sequence ids {tokens.BeginId} and {tokens.EndId} are not both in the model's vocabulary of {vocabulary}: is this the model's tokenizer?");
        }
    }

    private static void Match(
        ITensorSource weights, SourceNames names, SourceFormat format, ModelDimensions d, int groupSize, bool hasBias, bool tiesHead)
    {
        var matcher = new CheckpointMatcher(weights);
        matcher.RequireFloat(names.Embedding, d.VocabularySize, d.HiddenSize);
        matcher.RequireFloat(names.FinalNorm, d.HiddenSize);
        if (!tiesHead)
        {
            matcher.RequireFloat(names.Head, d.VocabularySize, d.HiddenSize);
        }

        (string Name, int Inputs, int Outputs, bool Attention)[] linears =
        [
            (names.Query, d.HiddenSize, d.QueryWidth, true), (names.Key, d.HiddenSize, d.KeyValueWidth, true),
            (names.Value, d.HiddenSize, d.KeyValueWidth, true), (names.Output, d.QueryWidth, d.HiddenSize, true),
            (names.Gate, d.HiddenSize, d.IntermediateSize, false), (names.Down, d.IntermediateSize, d.HiddenSize, false),
            (names.Up, d.HiddenSize, d.IntermediateSize, false),
        ];
        for (var layer = 0; layer < d.LayerCount; layer++)
        {
            var prefix = names.Layer(layer);
            matcher.RequireFloat(prefix + names.AttentionNorm, d.HiddenSize);
            matcher.RequireFloat(prefix + names.FeedForwardNorm, d.HiddenSize);
            foreach (var (name, inputs, outputs, attention) in linears)
            {
                if (format.IsAwq)
                {
                    matcher.RequireWords($"{prefix}{name}.qweight", inputs, outputs / AwqColumns.PerWord);
                    matcher.RequireWords($"{prefix}{name}.qzeros", inputs / groupSize, outputs / AwqColumns.PerWord);
                    matcher.RequireFloat($"{prefix}{name}.scales", inputs / groupSize, outputs);
                }
                else
                {
                    matcher.RequireFloat($"{prefix}{name}.weight", outputs, inputs);
                }

                if (hasBias && attention)
                {
                    matcher.RequireFloat($"{prefix}{name}.bias", outputs);
                }
            }
        }

        matcher.RefuseOthers(names.IgnoredSuffixes, tiesHead ? names.Head : null);
        matcher.ThrowIfFaulty();
    }
}
