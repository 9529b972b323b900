namespace LayerCake.Building;

/// <summary>Makes events of what a step says. Progress passes a few times a second, and when it is complete.</summary>
public sealed class StepReporter(BuildEventStream events, string recipe, string step) : IBuildReporter
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private readonly Queue<string> _lastLines = new();
    private long _lastProgress = long.MinValue;

    /// <summary>The last lines the step printed.</summary>
    public IReadOnlyList<string> LastLines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lastLines];
            }
        }
    }

    public void Line(string text)
    {
        lock (_gate)
        {
            _lastLines.Enqueue(text);
            if (_lastLines.Count > StepFailed.MaxLastLines)
            {
                _lastLines.Dequeue();
            }
        }

        events.Post(new StepLine(recipe, step, text));
    }

    public void Warn(string text) => events.Post(new StepWarning(recipe, step, text));

    public void Progress(string what, long done, long total)
    {
        lock (_gate)
        {
            var now = events.Time.GetTimestamp();
            if (done < total && _lastProgress != long.MinValue && events.Time.GetElapsedTime(_lastProgress, now) < ProgressEvery)
            {
                return;
            }

            _lastProgress = now;
        }

        events.Post(new StepProgress(recipe, step, what, done, total));
    }

    public void Waiting(string what, LockOwner? owner) => events.Post(new StepWaiting(recipe, step, what, owner?.ToString()));
}
