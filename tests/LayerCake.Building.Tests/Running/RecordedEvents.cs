namespace LayerCake.Building.Tests;

/// <summary>Keeps the events of a build.</summary>
internal sealed class RecordedEvents : IBuildEventSink
{
    private readonly List<BuildEvent> _events = [];

    /// <summary>Called with every event.</summary>
    public Action<BuildEvent>? Taken { get; set; }

    public IReadOnlyList<BuildEvent> All
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    public IEnumerable<T> Of<T>()
        where T : BuildEvent => All.OfType<T>();

    public void Take(BuildEvent @event)
    {
        lock (_events)
        {
            _events.Add(@event);
        }

        Taken?.Invoke(@event);
    }
}
