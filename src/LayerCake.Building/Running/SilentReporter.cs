namespace LayerCake.Building;

/// <summary>Says nothing.</summary>
public sealed class SilentReporter : IBuildReporter
{
    public static SilentReporter Instance { get; } = new();

    public void Line(string text)
    {
    }

    public void Warn(string text)
    {
    }

    public void Progress(string what, long done, long total)
    {
    }

    public void Waiting(string what, LockOwner? owner)
    {
    }
}
