namespace LayerCake.Checkpoints;

/// <summary>A checkpoint that cannot be used, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class CheckpointException : Exception
{
    public CheckpointException(string message)
        : base(message)
    {
    }

    public CheckpointException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
    /// <summary>Whether the fault is that something cannot be written (no space, no permission), not that something read is wrong.</summary>
    public bool ConcernsOutput { get; init; }
}
