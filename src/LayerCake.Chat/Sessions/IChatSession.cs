using LayerCake.Runtime;

namespace LayerCake.Chat.Sessions;

/// <summary>What a conversation needs of a session; the members are those of <see cref="Session"/>.</summary>
internal interface IChatSession : IDisposable
{
    /// <summary>Tokens of the history.</summary>
    int Step { get; }

    /// <summary>How the last answer ended; null before the first has.</summary>
    GenerationResult? LastResult { get; }

    /// <summary>Adds ids to the history and generates an answer. When cancelled, or left before its end, the session is as before the call.</summary>
    IAsyncEnumerable<GeneratedToken> GenerateAsync(IReadOnlyList<int> ids, GenerationOptions options, CancellationToken cancellationToken);

    /// <summary>Forgets the history.</summary>
    void Reset();
}
