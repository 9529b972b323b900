using System.Collections.Concurrent;
using LayerCake.Building;

namespace LayerCake.Steps.Tests;

/// <summary>Keeps what steps say.</summary>
internal sealed class RecordingReporter : IBuildReporter
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyList<string> Lines => [.. _lines];

    /// <summary>Called with each line while the step that prints it runs.</summary>
    public Action<string>? OnLine { get; init; }

    public void Line(string text)
    {
        _lines.Enqueue(text);
        OnLine?.Invoke(text);
    }

    public void Warn(string text) => Line(text);

    public void Progress(string what, long done, long total)
    {
    }

    public void Waiting(string what, LockOwner? owner)
    {
    }
}
