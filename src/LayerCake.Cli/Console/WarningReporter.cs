using LayerCake.Building;

namespace LayerCake.Cli.Console;

/// <summary>Passes on warnings to standard error, and nothing else.</summary>
internal sealed class WarningReporter : IBuildReporter
{
    public static WarningReporter Instance { get; } = new();

    public void Line(string text)
    {
    }

    public void Warn(string text) => System.Console.Error.WriteLine($"warning: {text}");

    public void Progress(string what, long done, long total)
    {
    }

    public void Waiting(string what, LockOwner? owner)
    {
    }
}
