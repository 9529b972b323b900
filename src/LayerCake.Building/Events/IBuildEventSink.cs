namespace LayerCake.Building;

/// <summary>Takes a build's events: a log, a console. Called by one thread at a time.</summary>
public interface IBuildEventSink
{
    void Take(BuildEvent @event);
}
