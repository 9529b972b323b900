namespace LayerCake.Runtime;

/// <summary>
/// A conversation with a model: its token history, the keys and values of it (until others need the memory; they are then computed again), the state of its random
/// generator, and the rotary base. One call at a time; several sessions of a model generate side by side.
/// </summary>
public sealed class Session : IDisposable
{
    private readonly TurboMindModel _model;

    internal Session(TurboMindModel model) => _model = model;

    /// <summary>Tokens of the history (LMDeploy's <c>step</c>): prompts and answers, without the end tokens of the answers.</summary>
    public int Step => History.Count;

    /// <summary>The ids of the history.</summary>
    public IReadOnlyList<int> History { get; } = [];

    /// <summary>How the last call of <see cref="GenerateAsync"/> ended; null before the first has.</summary>
    public GenerationResult? LastResult { get; }

    /// <summary>
    /// Adds <paramref name="ids"/> to the history and generates an answer, which is added too. Tokens that may be the beginning of a stop word come when they are known
    /// not to be. When cancelled, or left before its end, the session is as before the call.
    /// </summary>
    /// <param name="ids">The encoded prompt, at least one id unless the history ends in tokens that were never answered.</param>
    /// <param name="options">Sampling and limits; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the answer, also in the middle of a token.</param>
    /// <exception cref="RuntimeException">The prompt is empty, an id is not in the vocabulary, an option is out of range, the session is too long or busy, or the
    /// KV cache cannot hold the sequence.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        IReadOnlyList<int> ids, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException(_model.Path);

    /// <summary>Forgets the tokens from <paramref name="step"/> on.</summary>
    /// <exception cref="RuntimeException">The history is shorter, or a call is running.</exception>
    public void TruncateTo(int step) => throw new NotImplementedException();

    /// <summary>Forgets everything: a new session.</summary>
    public void Reset() => throw new NotImplementedException();

    /// <summary>Ends the session and frees its keys and values. A running call is cancelled.</summary>
    public void Dispose()
    {
    }
}
