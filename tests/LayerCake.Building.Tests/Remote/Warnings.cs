namespace LayerCake.Building.Tests;

/// <summary>Keeps what was warned of.</summary>
internal sealed class Warnings : IBuildReporter
{
    private readonly List<string> _texts = [];

    public IReadOnlyList<string> Texts
    {
        get
        {
            lock (_texts)
            {
                return [.. _texts];
            }
        }
    }

    public void Line(string text)
    {
    }

    public void Warn(string text)
    {
        lock (_texts)
        {
            _texts.Add(text);
        }
    }

    public void Progress(string what, long done, long total)
    {
    }

    public void Waiting(string what, LockOwner? owner)
    {
    }
}
