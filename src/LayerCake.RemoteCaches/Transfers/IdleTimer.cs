namespace LayerCake.RemoteCaches;

/// <summary>Cancels a request that stands still. Every sign of progress winds it up again.</summary>
internal sealed class IdleTimer : IDisposable
{
    private readonly TimeSpan _patience;
    private readonly CancellationTokenSource _idle;
    private readonly CancellationTokenSource _both;
    private readonly CancellationToken _caller;

    public IdleTimer(RemoteCacheOptions options, CancellationToken token)
    {
        _patience = options.IdleTimeout;
        _caller = token;
        _idle = new CancellationTokenSource(_patience, options.Time);
        _both = CancellationTokenSource.CreateLinkedTokenSource(token, _idle.Token);
    }

    public CancellationToken Token => _both.Token;

    /// <summary>Whether the wait was too long, and it was not the caller who cancelled.</summary>
    public bool Expired => _idle.IsCancellationRequested && !_caller.IsCancellationRequested;

    public TimeSpan Patience => _patience;

    public void Touch() => _idle.CancelAfter(_patience);

    /// <summary>Stops the clock while the caller, not the server, is at work.</summary>
    public void Rest() => _idle.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        _both.Dispose();
        _idle.Dispose();
    }
}
