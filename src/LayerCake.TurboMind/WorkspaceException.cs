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
}
