namespace LayerCake.Chat.Terminal;

/// <summary>What Ctrl+C ends: the answer that is being given, or else the conversation. Thread-safe.</summary>
public sealed class ChatInterrupts
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _conversation = new();
    private CancellationTokenSource? _answer;

    /// <summary>Is cancelled when the conversation is to end.</summary>
    public CancellationToken Conversation => _conversation.Token;

    /// <summary>Ctrl+C: ends the answer; without one, or when one is already ending, the conversation.</summary>
    public void Interrupt()
    {
        CancellationTokenSource? answer;
        lock (_gate)
        {
            answer = _answer is { IsCancellationRequested: false } ? _answer : null;
        }

        if (answer is null)
        {
            End();
        }
        else
        {
            answer.Cancel();
        }
    }

    /// <summary>Ends the conversation, whatever goes on.</summary>
    public void End()
    {
        // In this order: an answer that begins meanwhile sees that the conversation has ended.
        _conversation.Cancel();
        CancellationTokenSource? answer;
        lock (_gate)
        {
            answer = _answer;
        }

        answer?.Cancel();
    }

    /// <summary>From now on Ctrl+C ends this answer.</summary>
    internal CancellationToken BeginAnswer()
    {
        lock (_gate)
        {
            _answer = new CancellationTokenSource();
            return _conversation.IsCancellationRequested ? _conversation.Token : _answer.Token;
        }
    }

    /// <summary>From now on Ctrl+C ends the conversation.</summary>
    internal void EndAnswer()
    {
        lock (_gate)
        {
            _answer = null;
        }
    }
}
