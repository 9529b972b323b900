using LayerCake.Building;

namespace LayerCake.Reporting;

/// <summary>
/// What the log of a build says of one recipe: its steps, when each ran, how it ended. Of steps that were run one by one, a process each, the log has no plan; then
/// the plan as it is now says which there are, and a step without events whose result is there was found.
/// </summary>
internal sealed class BuildHistory
{
    private readonly List<StepPlanned> _planned = [];
    private readonly Dictionary<string, StepStarted> _started = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StepEvent> _ended = new(StringComparer.Ordinal);
    private readonly string _recipe;
    private BuildFinished? _finished;
    private TimeSpan _last;

    private BuildHistory(string recipe) => _recipe = recipe;

    public string ProgramVersion { get; private set; } = "";

    public string Outcome => _ended.Values.Any(end => end is StepFailed) ? "failed"
        : _planned.All(step => _ended.GetValueOrDefault(step.Step) is StepFinished) ? "succeeded"
        : _finished is { Succeeded: false } ? "failed"
        : "stopped";

    public string? Failure => _ended.Values.OfType<StepFailed>().FirstOrDefault() is { } failed ? $"{failed.Step}: {failed.Message}"
        : Outcome == "failed" ? _finished?.FirstFailure : null;

    /// <summary>To the end of the last step; other recipes of the same build may have gone on.</summary>
    public TimeSpan Duration => _ended.Values.Select(end => end.At).DefaultIfEmpty(_last).Max();

    public static BuildHistory Of(BuildPlan plan, IEnumerable<BuildEvent> events)
    {
        var history = new BuildHistory(plan.RecipeName);
        foreach (var @event in events)
        {
            history.Take(@event);
        }

        if (history._planned.Count == 0)
        {
            foreach (var step in plan.Steps)
            {
                history._planned.Add(new StepPlanned(plan.RecipeName, step.Name, step.Key, "", step.Reason, step.Step.DependsOn));
                if (step.Record is { } record)
                {
                    history._ended.TryAdd(
                        step.Name, new StepFinished(plan.RecipeName, step.Name, step.Key, OutcomeWords.Cached, step.Reason, TimeSpan.Zero, record.Tree.TotalBytes));
                }
            }
        }

        return history;
    }

    public IReadOnlyList<ReportStep> Steps() => [.. _planned.Select(StepOf)];

    private void Take(BuildEvent @event)
    {
        _last = @event.At > _last ? @event.At : _last;
        switch (@event)
        {
            case BuildStarted started:
                ProgramVersion = started.ProgramVersion;
                break;
            case BuildFinished finished:
                _finished = finished;
                break;
            case StepEvent other when other.Recipe != _recipe:
                break;
            case StepPlanned planned when _planned.All(known => known.Step != planned.Step):
                _planned.Add(planned);
                break;
            case StepStarted started:
                // The first attempt's start; later ones are part of the same stay.
                _started.TryAdd(started.Step, started);
                break;
            case StepFinished or StepFailed or StepSkipped:
                _ended[((StepEvent)@event).Step] = (StepEvent)@event;
                break;
        }
    }

    private ReportStep StepOf(StepPlanned planned)
    {
        var end = _ended.GetValueOrDefault(planned.Step);
        var started = _started.TryGetValue(planned.Step, out var start) ? start.At : end?.At ?? TimeSpan.Zero;
        return end switch
        {
            StepFinished finished => new ReportStep(
                planned.Step, finished.Key.ToString(), finished.Outcome, finished.Reason, started, finished.Elapsed, finished.Bytes, planned.After),
            StepFailed failed => new ReportStep(planned.Step, failed.Key.ToString(), OutcomeWords.Failed, failed.Message, started, failed.Elapsed, 0, planned.After),
            StepSkipped skipped => new ReportStep(planned.Step, planned.Key.ToString(), OutcomeWords.Skipped, skipped.Reason, started, TimeSpan.Zero, 0, planned.After),
            _ => new ReportStep(planned.Step, planned.Key.ToString(), "not finished", planned.Reason, started, _started.ContainsKey(planned.Step) ? _last - started : TimeSpan.Zero, 0, planned.After),
        };
    }
}
