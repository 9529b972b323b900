using System.Runtime.CompilerServices;

namespace LayerCake.Runtime;

/// <summary>
/// A conversation with a model: its token history, the keys and values of it (until others need the memory; they are then computed again), the state of its random
/// generator, and the rotary base. One call at a time; several sessions of a model generate side by side.
/// </summary>
public sealed class Session : IDisposable
{
    private readonly TurboMindModel _model;
    private readonly Engine _engine;
    private readonly Sequence _sequence;

    internal Session(TurboMindModel model, Engine engine)
    {
        (_model, _engine) = (model, engine);
        _sequence = engine.CreateSequence();
    }

    /// <summary>Tokens of the history (LMDeploy's <c>step</c>): prompts and answers, without the end tokens of the answers. During a call: before it.</summary>
    public int Step => _engine.Step(_sequence);

    /// <summary>The ids of the history, as they are now.</summary>
    public IReadOnlyList<int> History => _engine.History(_sequence);

    /// <summary>How the last call of <see cref="GenerateAsync"/> ended; null before the first has.</summary>
    public GenerationResult? LastResult { get; private set; }

    /// <summary>
    /// Adds <paramref name="ids"/> to the history and generates an answer, which is added too. Tokens that may be the beginning of a stop word come when they are known
    /// not to be. When cancelled, or left before its end, the session is as before the call.
    /// </summary>
    /// <param name="ids">The encoded prompt, at least one id unless the session has a history to go on with.</param>
    /// <param name="options">Sampling and limits; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the answer, also in the middle of a token.</param>
    /// <exception cref="RuntimeException">The prompt is empty, an id is not in the vocabulary, an option is out of range, the session is too long or busy; or the
    /// model's values are not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        IReadOnlyList<int> ids, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        options ??= new GenerationOptions();
        var vocabulary = _model.Configuration.VocabularySize;
        int[] prompt = [.. ids];
        RequestChecks.Ids(prompt, vocabulary);
        RequestChecks.Options(options, vocabulary);
        return Generate(prompt, options, cancellationToken);
    }

    /// <summary>Forgets the tokens from <paramref name="step"/> on; with 0 everything, as <see cref="Reset"/> does.</summary>
    /// <exception cref="RuntimeException">The history is shorter, or a call is running.</exception>
    public void TruncateTo(int step) => _engine.TruncateTo(_sequence, step);

    /// <summary>Forgets everything: a new session.</summary>
    /// <exception cref="RuntimeException">A call is running.</exception>
    public void Reset() => TruncateTo(0);

    /// <summary>Ends the session and frees its keys and values. A running call is cancelled.</summary>
    public void Dispose() => _engine.End(_sequence);

    private async IAsyncEnumerable<GeneratedToken> Generate(
        int[] ids, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var request = _engine.Submit(_sequence, ids, options);
        var isComplete = false;
        try
        {
            using var registration = cancellationToken.Register(static state => ((GenerationRequest)state!).Cancel(), request);
            await foreach (var token in request.Tokens.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return token;
            }

            var result = await request.Result.ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            LastResult = result;
            isComplete = true;
            if (result.FinishReason == FinishReason.Cancelled)
            {
                throw new OperationCanceledException("the session was ended, or the model was unloaded, while it generated");
            }
        }
        finally
        {
            if (!isComplete)
            {
                await _engine.UndoAsync(request).ConfigureAwait(false);
                LastResult = new GenerationResult(FinishReason.Cancelled, request.History, ids.Length, request.Delivered);
            }
        }
    }
}
