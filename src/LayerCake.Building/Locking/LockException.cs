namespace LayerCake.Building;

/// <summary>
/// A build with <c>--locked</c> that is not what the lock record says, or a lock record that cannot be used. The message is complete and is shown without a
/// stack trace.
/// </summary>
public sealed class LockException : Exception
{
    public LockException(string message)
        : this(message, [])
    {
    }

    public LockException(string message, Exception innerException)
        : base(message, innerException) => Differences = [];

    public LockException(string message, IReadOnlyList<LockDifference> differences)
        : base(message) => Differences = differences;

    /// <summary>What differs; empty where the record itself or an output is what is wrong.</summary>
    public IReadOnlyList<LockDifference> Differences { get; }
}
