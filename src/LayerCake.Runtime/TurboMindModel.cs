using System.Collections.Immutable;
using LayerCake.Text;
using LayerCake.Text.Chat;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>
/// A model that runs as LMDeploy v0.1.0's TurboMind engine would run it: a workspace, or a checkpoint as it would be after <c>lmdeploy convert</c>.
/// Safe for concurrent use; sessions of one model are computed together.
/// </summary>
public sealed class TurboMindModel : IDisposable
{
    private const int DefaultTokensPerIteration = 512;
    private const int LogitRows = 32;

    private readonly IBackend _backend;
    private readonly BlockPool _pool;
    private readonly Engine _engine;
    private readonly int _tokensPerIteration;
    private readonly Lazy<TokenizerFolder> _tokenizer;
    private readonly Lazy<PromptEncoder> _promptEncoder;
    private readonly bool _namesModel;

    private TurboMindModel(string path, IWeightFeed feed, EngineConfiguration configuration, RuntimeOptions options, IBackend backend)
    {
        Path = path;
        SourceKind = feed.Kind;
        _namesModel = feed.NamesModel;
        _backend = backend;
        _tokensPerIteration = options.TokensPerIteration ?? DefaultTokensPerIteration;
        var tokenizerFolder = feed.TokenizerFolder;
        _tokenizer = new Lazy<TokenizerFolder>(() => TokenizerFolder.Open(tokenizerFolder));
        _promptEncoder = new Lazy<PromptEncoder>(() => new PromptEncoder(Tokenizer));
        (_pool, SessionLength) = CreatePool(backend, configuration);
        Warnings = SessionLength < configuration.SessionLength
            ?
            [
                .. feed.Warnings,
                $"session_len {configuration.SessionLength} is cut to {SessionLength}: the KV cache holds {_pool.Limit} blocks of {_pool.BlockTokens} tokens",
            ]
            : [.. feed.Warnings];
        Configuration = configuration with { SessionLength = SessionLength };
        _engine = new Engine(backend, Configuration, _pool, SessionLength, _tokensPerIteration);
    }

    /// <summary>The folder as given.</summary>
    public string Path { get; }

    public ModelSourceKind SourceKind { get; }

    /// <summary>The engine's settings as they are in effect, the options' values in place.</summary>
    public EngineConfiguration Configuration { get; }

    /// <summary>What keys and values are kept in.</summary>
    public KeyValueCacheType KeyValueCache => _backend.KeyValueCache;

    /// <summary>The most tokens a session may have: <c>session_len</c>, or what the KV cache can hold if that is less.</summary>
    public int SessionLength { get; }

    /// <summary>The chat template that <c>model_name</c> names.</summary>
    /// <exception cref="RuntimeException">No name is known: the model is no workspace and <see cref="RuntimeOptions.ModelName"/> is not given.</exception>
    /// <exception cref="ChatTemplateException">There is no template of that name.</exception>
    public ChatTemplate ChatTemplate => _namesModel
        ? ChatTemplate.Find(Configuration.ModelName)
        : throw new RuntimeException($"{Path} is no workspace, so it names no chat template: give the model's name, for example internlm-chat-7b or llama2");

    /// <summary>The model's tokenizer, opened when first asked for.</summary>
    /// <exception cref="TokenizerException">The folder holds no tokenizer that can be used.</exception>
    public TokenizerFolder Tokenizer => _tokenizer.Value;

    /// <summary>Encodes rendered prompts and stop words with <see cref="Tokenizer"/>.</summary>
    /// <exception cref="TokenizerException">The folder holds no tokenizer that can be used.</exception>
    public PromptEncoder PromptEncoder => _promptEncoder.Value;

    /// <summary>What is not as the files say, as sentences: a session length that was cut, settings that are not honoured.</summary>
    public ImmutableArray<string> Warnings { get; }

    public MemoryUsage Memory
    {
        get
        {
            var (inUse, allocated, requests) = _engine.Counts;
            return new MemoryUsage(
                _backend.WeightBytes,
                _backend.CacheBytesPerToken * Configuration.LayerCount,
                _pool.BlockBytes,
                _pool.Limit,
                inUse,
                allocated,
                requests);
        }
    }

    /// <summary>Reads a model into memory. Int4 weights stay packed.</summary>
    /// <param name="path">A workspace (or its weights folder), or a Hugging Face folder, AWQ or not.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="RuntimeException">The model or an option cannot be run so.</exception>
    /// <exception cref="WorkspaceException">A file is missing, has the wrong size or cannot be read; the message names it.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The checkpoint is damaged or incomplete; the message names the file.</exception>
    public static TurboMindModel Load(string path, RuntimeOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new RuntimeOptions();
        return Load(path, options, (feed, configuration) => ModelLoading.Load(feed, configuration, options, cancellationToken));
    }

    /// <summary>As the public one, with a device of the caller's choice.</summary>
    internal static TurboMindModel Load(string path, RuntimeOptions options, Func<IWeightFeed, EngineConfiguration, IBackend> load)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var feed = ModelLoading.Open(path, options);
        var configuration = ModelLoading.Effective(feed.Configuration, options);
        var backend = load(feed, configuration);
        try
        {
            return new TurboMindModel(path, feed, configuration, options, backend);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    /// <summary>A session with an empty history.</summary>
    public Session CreateSession() => new(this, _engine);

    /// <summary>
    /// The logits of every position of a sequence, computed as prompts are (an int8 cache is read back), in blocks of positions, in order.
    /// </summary>
    /// <param name="ids">1 to <see cref="SessionLength"/> ids.</param>
    /// <param name="consumer">Called for each block of positions, on the calling thread.</param>
    /// <param name="observer">Sees values inside the layers; null for nobody.</param>
    /// <param name="cancellationToken">Stops between layers.</param>
    /// <exception cref="RuntimeException">No ids, too many, or one that is not in the vocabulary.</exception>
    public void Logits(ReadOnlySpan<int> ids, LogitsConsumer consumer, IActivationObserver? observer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(consumer);
        RequestChecks.Ids(ids, Configuration.VocabularySize);
        if (ids.Length == 0 || ids.Length > SessionLength)
        {
            throw new RuntimeException($"{ids.Length} ids were given; 1 to session_len {SessionLength} can be computed");
        }

        var logits = new float[Math.Min(LogitRows, ids.Length) * Configuration.VocabularySize];
        Span<int> rows = stackalloc int[LogitRows];
        using var pool = _backend.CreatePool(Configuration.LayerCount, Configuration.CacheBlockSequenceLength, int.MaxValue);
        var (batch, segment) = WholeSequence(pool, ids.Length);
        for (var start = 0; start < ids.Length; start += _tokensPerIteration)
        {
            batch.Clear();
            segment.Start = start;
            batch.Add(segment);
            foreach (var id in ids[start..Math.Min(ids.Length, start + _tokensPerIteration)])
            {
                batch.Add(id, decoded: false);
            }

            lock (_engine.DeviceGate)
            {
                if (!_backend.Forward(batch, observer, () => cancellationToken.IsCancellationRequested))
                {
                    throw new OperationCanceledException(cancellationToken);
                }

                for (var row = 0; row < batch.RowCount; row += LogitRows)
                {
                    var count = Math.Min(LogitRows, batch.RowCount - row);
                    for (var i = 0; i < count; i++)
                    {
                        rows[i] = row + i;
                    }

                    var block = logits.AsSpan(0, count * Configuration.VocabularySize);
                    _backend.Logits(rows[..count], block);
                    consumer(start + row, block);
                }
            }
        }
    }

    /// <summary>Runs one layer over a sequence from position 0 on: what this layer makes of hidden states that come from elsewhere.</summary>
    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="hidden">The residual stream [rows, hidden], rounded to the model's type on the way in; replaced by what leaves the layer.</param>
    /// <param name="observer">Sees values inside the layer; null for nobody.</param>
    /// <exception cref="RuntimeException">There are no rows, or more than <see cref="SessionLength"/>.</exception>
    public void RunLayer(int layer, Span<float> hidden, IActivationObserver? observer = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Configuration.LayerCount);
        var rows = hidden.Length / Configuration.HiddenSize;
        if (rows == 0 || rows > SessionLength || rows * Configuration.HiddenSize != hidden.Length)
        {
            throw new RuntimeException(
                $"{hidden.Length} values were given; 1 to {SessionLength} rows of {Configuration.HiddenSize} can be computed");
        }

        using var pool = _backend.CreatePool(1, Configuration.CacheBlockSequenceLength, int.MaxValue);
        var (batch, segment) = WholeSequence(pool, rows);
        batch.Add(segment);
        for (var row = 0; row < rows; row++)
        {
            batch.Add(0, decoded: false);
        }

        lock (_engine.DeviceGate)
        {
            _backend.RunLayer(layer, batch, hidden, observer);
        }
    }

    /// <summary>A linear's weights in float32 as products use them, int4 dequantized: rows <paramref name="firstInput"/> on of [inputs, outputs].</summary>
    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="linear">Which linear.</param>
    /// <param name="firstInput">First row.</param>
    /// <param name="destination">Whole rows.</param>
    public void ReadWeight(int layer, Linear linear, int firstInput, Span<float> destination)
    {
        var (inputs, outputs) = WeightShape(linear);
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Configuration.LayerCount);
        ArgumentOutOfRangeException.ThrowIfNegative(firstInput);
        if (destination.Length % outputs != 0 || firstInput > inputs - (destination.Length / outputs))
        {
            throw new ArgumentException($"{destination.Length} values from row {firstInput} on are not whole rows of [{inputs}, {outputs}]", nameof(destination));
        }

        lock (_engine.DeviceGate)
        {
            _backend.ReadWeight(layer, linear, firstInput, destination);
        }
    }

    /// <summary>Inputs and outputs of a linear.</summary>
    public (int Inputs, int Outputs) WeightShape(Linear linear) => linear switch
    {
        Linear.QueryKeyValue => (Configuration.HiddenSize, Configuration.HiddenSize + (2 * Configuration.KeyValueHeadCount * Configuration.SizePerHead)),
        Linear.AttentionOutput => (Configuration.HiddenSize, Configuration.HiddenSize),
        Linear.Gate or Linear.Up => (Configuration.HiddenSize, Configuration.IntermediateSize),
        Linear.Down => (Configuration.IntermediateSize, Configuration.HiddenSize),
        _ => throw new ArgumentOutOfRangeException(nameof(linear), linear, null),
    };

    /// <summary>Ends all sessions and frees the weights.</summary>
    public void Dispose()
    {
        _engine.Dispose();
        _pool.Dispose();
        _backend.Dispose();
    }

    /// <summary>The cache, and the session length that fits it.</summary>
    private static (BlockPool Pool, int SessionLength) CreatePool(IBackend backend, EngineConfiguration configuration)
    {
        var tokens = configuration.CacheBlockSequenceLength;
        var blockBytes = backend.CacheBytesPerToken * configuration.LayerCount * tokens;
        var count = configuration.CacheMaxEntryCount;
        var limit = (int)Math.Min(int.MaxValue / 2, count >= 1 ? Math.Floor(count) : Math.Floor(count * backend.DeviceBytes / blockBytes));
        if (limit < 1)
        {
            throw new RuntimeException(
                $"no block of the KV cache ({blockBytes} bytes) fits into {count:R} of the device's {backend.DeviceBytes} bytes: raise cache_max_entry_count");
        }

        return (backend.CreatePool(configuration.LayerCount, tokens, limit), (int)Math.Min(configuration.SessionLength, (long)limit * tokens));
    }

    private (ForwardBatch Batch, Segment Segment) WholeSequence(BlockPool pool, int length)
    {
        var blocks = new int[pool.BlocksFor(length)];
        for (var i = 0; i < blocks.Length; i++)
        {
            blocks[i] = pool.TryTake();
        }

        var theta = RotaryFrequencies.Base(Configuration, Math.Min(length, SessionLength - 1));
        return (new ForwardBatch(), new Segment
        {
            Pool = pool,
            Blocks = blocks,
            InverseFrequencies = RotaryFrequencies.Of(theta, Configuration.RotaryEmbedding),
        });
    }
}
