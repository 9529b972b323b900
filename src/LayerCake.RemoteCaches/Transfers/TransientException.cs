namespace LayerCake.RemoteCaches;

/// <summary>A request failed in a way that may pass: another try makes sense.</summary>
/// <param name="message">What and why, for the user if it was the last try.</param>
/// <param name="retryAfter">How long the server asks to wait; null where it does not.</param>
/// <param name="inner">What it came from.</param>
internal sealed class TransientException(string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
