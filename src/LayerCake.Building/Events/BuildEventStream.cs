namespace LayerCake.Building;

/// <summary>
/// Gives every event its time and passes it to all sinks, one after another: what a log holds and what a console shows has one order. Texts lose paths and
/// secrets here, before anybody sees them.
/// </summary>
public sealed class BuildEventStream
{
    private readonly Lock _gate = new();
    private readonly IReadOnlyList<IBuildEventSink> _sinks;
    private readonly EventText _text;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly TimeSpan _offset;

    /// <param name="time">The clock.</param>
    /// <param name="text">What texts may not hold.</param>
    /// <param name="sinks">Where events go.</param>
    /// <param name="offset">What has passed already, where this continues an earlier process's log.</param>
    public BuildEventStream(TimeProvider time, EventText text, IReadOnlyList<IBuildEventSink> sinks, TimeSpan offset = default)
    {
        (_time, _text, _sinks, _offset) = (time, text, sinks, offset);
        _started = time.GetTimestamp();
    }

    /// <summary>A stream that nobody looks at.</summary>
    public static BuildEventStream Silent { get; } = new(TimeProvider.System, EventText.Plain, []);

    /// <summary>Since the build began, in whole milliseconds, as events count.</summary>
    public TimeSpan Now => Whole(_offset + _time.GetElapsedTime(_started));

    public TimeProvider Time => _time;

    /// <summary>Rounds to what events keep.</summary>
    public static TimeSpan Whole(TimeSpan time) => TimeSpan.FromMilliseconds(Math.Round(time.TotalMilliseconds));

    public void Post(BuildEvent @event)
    {
        if (_sinks.Count == 0)
        {
            return;
        }

        lock (_gate)
        {
            var shown = Shown(@event) with { At = Now };
            foreach (var sink in _sinks)
            {
                sink.Take(shown);
            }
        }
    }

    private BuildEvent Shown(BuildEvent @event) => @event switch
    {
        StepPlanned planned => planned with { Reason = _text.Of(planned.Reason) },
        StepLine line => line with { Text = _text.Of(line.Text) },
        StepWarning warning => warning with { Text = _text.Of(warning.Text) },
        StepWaiting waiting => waiting with { What = _text.Of(waiting.What) },
        StepRetried retried => retried with { Message = _text.Of(retried.Message) },
        StepFinished finished => finished with { Reason = _text.Of(finished.Reason) },
        StepFailed failed => failed with
        {
            Message = _text.Of(failed.Message),
            FullMessage = failed.FullMessage ?? failed.Message,
            LastLines = [.. failed.LastLines.Select(_text.Of)],
            Again = failed.Again is null ? null : _text.Of(failed.Again),
            Kept = failed.Kept is null ? null : _text.Of(failed.Kept),
        },
        StepSkipped skipped => skipped with { Reason = _text.Of(skipped.Reason) },
        BuildFinished finished => finished with
        {
            Rows = [.. finished.Rows.Select(row => row with { Reason = _text.Of(row.Reason) })],
            Outputs = [.. finished.Outputs.Select(output => KeyValuePair.Create(output.Key, _text.Of(output.Value)))],
            FirstFailure = finished.FirstFailure is null ? null : _text.Of(finished.FirstFailure),
        },
        _ => @event,
    };
}
