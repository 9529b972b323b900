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
    private TurboMindModel(string path) => Path = path;

    /// <summary>The folder as given.</summary>
    public string Path { get; }

    public ModelSourceKind SourceKind { get; }

    /// <summary>The engine's settings as they are in effect, the options' values in place.</summary>
    public EngineConfiguration Configuration => throw new NotImplementedException();

    /// <summary>What keys and values are kept in.</summary>
    public KeyValueCacheType KeyValueCache { get; }

    /// <summary>The most tokens a session may have: <c>session_len</c>, or what the KV cache can hold if that is less.</summary>
    public int SessionLength { get; }

    /// <summary>The chat template that <c>model_name</c> names.</summary>
    /// <exception cref="RuntimeException">No name is known: the model is no workspace and <see cref="RuntimeOptions.ModelName"/> is not given.</exception>
    public ChatTemplate ChatTemplate => throw new NotImplementedException();

    /// <summary>The model's tokenizer, opened when first asked for.</summary>
    /// <exception cref="TokenizerException">The folder holds no tokenizer that can be used.</exception>
    public TokenizerFolder Tokenizer => throw new NotImplementedException();

    /// <summary>Encodes rendered prompts and stop words with <see cref="Tokenizer"/>.</summary>
    /// <exception cref="TokenizerException">The folder holds no tokenizer that can be used.</exception>
    public PromptEncoder PromptEncoder => throw new NotImplementedException();

    /// <summary>What is not as the files say, as sentences: a session length that was cut, settings that are not honoured.</summary>
    public ImmutableArray<string> Warnings { get; } = [];

    public MemoryUsage Memory => throw new NotImplementedException();

    /// <summary>Reads a model into memory. Int4 weights stay packed.</summary>
    /// <param name="path">A workspace (or its weights folder), or a Hugging Face folder, AWQ or not.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="RuntimeException">The model or an option cannot be run so.</exception>
    /// <exception cref="WorkspaceException">A file is missing, has the wrong size or cannot be read; the message names it.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The checkpoint is damaged or incomplete; the message names the file.</exception>
    public static TurboMindModel Load(string path, RuntimeOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>A session with an empty history.</summary>
    public Session CreateSession() => throw new NotImplementedException();

    /// <summary>
    /// The logits of every position of a sequence, computed as prompts are (an int8 cache is read back), in blocks of positions, in order.
    /// </summary>
    /// <param name="ids">1 to <see cref="SessionLength"/> ids.</param>
    /// <param name="consumer">Called for each block of positions, on the calling thread.</param>
    /// <param name="observer">Sees values inside the layers; null for nobody.</param>
    /// <param name="cancellationToken">Stops between layers.</param>
    /// <exception cref="RuntimeException">No ids, too many, or one that is not in the vocabulary.</exception>
    public void Logits(ReadOnlySpan<int> ids, LogitsConsumer consumer, IActivationObserver? observer = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Runs one layer over a sequence from position 0 on: what this layer makes of hidden states that come from elsewhere.</summary>
    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="hidden">The residual stream [rows, hidden], rounded to the model's type on the way in; replaced by what leaves the layer.</param>
    /// <param name="observer">Sees values inside the layer; null for nobody.</param>
    /// <exception cref="RuntimeException">There are more rows than <see cref="SessionLength"/>.</exception>
    public void RunLayer(int layer, Span<float> hidden, IActivationObserver? observer = null) => throw new NotImplementedException();

    /// <summary>A linear's weights in float32 as products use them, int4 dequantized: rows <paramref name="firstInput"/> on of [inputs, outputs].</summary>
    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="linear">Which linear.</param>
    /// <param name="firstInput">First row.</param>
    /// <param name="destination">Whole rows.</param>
    public void ReadWeight(int layer, Linear linear, int firstInput, Span<float> destination) => throw new NotImplementedException();

    /// <summary>Ends all sessions and frees the weights.</summary>
    public void Dispose()
    {
    }
}
