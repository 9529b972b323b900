namespace LayerCake.Building;

/// <summary>
/// A build cannot go on for a reason that the user can act on: a missing input, a full disk, a store that cannot be written. The message is
/// complete (what, where, what to do) and is shown without a stack trace.
/// </summary>
public sealed class BuildException : Exception
{
    public BuildException(string message)
        : base(message)
    {
    }

    public BuildException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
