namespace LayerCake.TurboMind;

/// <summary>A workspace that cannot be made or used, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class WorkspaceException : Exception
{
    public WorkspaceException(string message)
        : base(message)
    {
    }

    public WorkspaceException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
    /// <summary>Whether the fault is that something cannot be written (no space, no permission), not that something read is wrong.</summary>
    public bool ConcernsOutput { get; init; }
}
