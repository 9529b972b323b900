using System.Threading.Channels;

namespace LayerCake.Runtime;

/// <summary>A call that generates: what it asks for, and its tokens on their way to the caller.</summary>
internal sealed class GenerationRequest(Sequence sequence, int[] ids, GenerationOptions options)
{
    private readonly Channel<GeneratedToken> _tokens =
        Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private readonly TaskCompletionSource<GenerationResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isCancelled;

    public Sequence Sequence { get; } = sequence;

    public int[] Ids { get; } = ids;

    public GenerationOptions Options { get; } = options;

    /// <summary>Tokens of the session before the call.</summary>
    public int History { get; } = sequence.Tokens.Count;

    /// <summary>The session's state before the call, for when it is undone.</summary>
    public (int Cached, RandomGenerator Random, float[]? InverseFrequencies) Before { get; } = (sequence.Cached, sequence.Random, sequence.InverseFrequencies);

    /// <summary>Tokens generated so far.</summary>
    public int Generated { get; set; }

    /// <summary>Of those, the ones that the caller has.</summary>
    public int Delivered { get; private set; }

    /// <summary>Generated tokens at which the answer ends, and why then.</summary>
    public required int Limit { get; init; }

    public required FinishReason LimitReason { get; init; }

    public bool IsCancelled => _isCancelled;

    public ChannelReader<GeneratedToken> Tokens => _tokens.Reader;

    public Task<GenerationResult> Result => _result.Task;

    public void Cancel() => _isCancelled = true;

    /// <summary>Hands the caller the generated tokens up to <paramref name="count"/>.</summary>
    public void DeliverTo(int count)
    {
        for (; Delivered < count; Delivered++)
        {
            _tokens.Writer.TryWrite(new GeneratedToken(Sequence.Tokens[History + Ids.Length + Delivered], Delivered + 1));
        }
    }

    public void Complete(GenerationResult result)
    {
        _result.TrySetResult(result);
        _tokens.Writer.TryComplete();
    }

    public void Fail(Exception fault)
    {
        _result.TrySetException(fault);
        _tokens.Writer.TryComplete(fault);
    }
}
