namespace LayerCake.Building;

/// <summary>
/// One step of one plan on its way through the scheduler. How it ended is written by whoever runs it; the scheduler's loop looks at that once the step
/// <see cref="HasEnded"/>, which the loop itself sets.
/// </summary>
internal sealed class ScheduledStep(ScheduledPlan plan, PlannedStep planned)
{
    private StepDemand? _demand;

    public ScheduledPlan Plan { get; } = plan;

    public PlannedStep Planned { get; } = planned;

    public string Recipe => Plan.Plan.RecipeName;

    public string Name => Planned.Name;

    /// <summary>Steps that must have their results first: those it reads, and the one of another plan that makes the same.</summary>
    public List<ScheduledStep> Before { get; } = [];

    /// <summary>The step of an earlier plan that has the same key; null where this is the first.</summary>
    public ScheduledStep? Twin { get; set; }

    public bool IsForced => Twin is null && Plan.Forced?.Invoke(Name) == true;

    /// <summary>A result that is there takes nothing of the machine.</summary>
    public StepDemand Demand => _demand ??= IsForced || (Planned.Outcome == PlannedOutcome.Miss && Twin is null) ? Planned.Step.Demand : StepDemand.Light;

    public bool HasEnded { get; set; }

    public bool IsStarted { get; set; }

    public StepResult? Result { get; private set; }

    public Exception? Failure { get; private set; }

    public string Outcome { get; private set; } = "";

    public string Reason { get; private set; } = "";

    public TimeSpan Started { get; set; }

    public TimeSpan Elapsed { get; private set; }

    public bool IsReady => !IsStarted && !HasEnded && Before.TrueForAll(step => step is { HasEnded: true, Result: not null });

    /// <summary>A step before it that will have no result; null where there is none (yet).</summary>
    public ScheduledStep? Blocker => Before.Find(step => step is { HasEnded: true, Result: null });

    public void Finish(StepResult result, string reason, TimeSpan elapsed) =>
        (Result, Outcome, Reason, Elapsed) = (result, OutcomeWords.Of(result.Outcome), reason, elapsed);

    public void Fail(Exception failure, string message, TimeSpan elapsed) =>
        (Failure, Outcome, Reason, Elapsed) = (failure, OutcomeWords.Failed, message, elapsed);

    public void Skip(string reason) => (Outcome, Reason) = (OutcomeWords.Skipped, reason);

    public BuildRow ToRow() => new(Recipe, Name, Planned.Key, Outcome, Reason, Started, Elapsed, Result?.Tree.TotalBytes ?? 0);
}
