namespace LayerCake.Building;

/// <summary>
/// Carries out plans: each step as soon as those before it have their results, as many at once as jobs, units and memory of the machine allow, and each key
/// once however many plans have it. Steps that are at work when another fails are left to finish.
/// </summary>
public sealed class BuildScheduler(ArtifactStore store, BuildEventStream events, SchedulerOptions options)
{
    private readonly Dictionary<Task, ScheduledStep> _running = [];
    private readonly List<Exception> _failures = [];
    private readonly StepAttempts _attempts = new(store, events, options);

    /// <summary>Runs the plans to their end. What steps throw is in the outcome.</summary>
    /// <param name="plans">Made shortly before; each with another recipe name.</param>
    /// <param name="token">Stops all steps at work and throws when they have stopped.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<BuildOutcome> RunAsync(IReadOnlyList<ScheduledPlan> plans, CancellationToken token = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Jobs, 1);
        var steps = StepsOf(plans);
        events.Post(new BuildStarted(
            [.. plans.Select(plan => plan.Plan.RecipeName)], options.Jobs, store.Options.ProgramVersion, BuildEventLog.ClockOf(events.Time)));
        foreach (var step in steps)
        {
            events.Post(new StepPlanned(
                step.Recipe, step.Name, step.Planned.Key, step.IsForced ? "run" : WordOf(step.Planned.Outcome),
                step.IsForced ? "forced" : step.Planned.Reason, step.Planned.Step.DependsOn));
        }

        while (true)
        {
            SkipBlocked(steps);
            if (!token.IsCancellationRequested && (options.KeepGoing || !steps.Exists(step => step.Failure is not null)))
            {
                StartReady(steps, token);
            }

            if (_running.Count == 0)
            {
                break;
            }

            Settle(await Task.WhenAny(_running.Keys).ConfigureAwait(false));
        }

        var stopped = token.IsCancellationRequested;
        foreach (var step in steps.Where(step => !step.HasEnded))
        {
            Skip(step, stopped ? "stopped" : $"not started: {FirstFailed(steps)} failed");
        }

        var outcome = new BuildOutcome(
            [.. steps.Select(step => step.ToRow())],
            [.. steps.Where(step => step.Result is not null).Select(step => KeyValuePair.Create(step.Recipe, step.Result!))],
            _failures);
        events.Post(new BuildFinished(outcome.Succeeded && !stopped, outcome.Rows, OutputsOf(plans, steps), _failures.Count > 0 ? _failures[0].Message : null));
        token.ThrowIfCancellationRequested();
        return outcome;
    }

    /// <summary>Runs one step of a plan, those before it must have their results.</summary>
    /// <returns>The result; what the step threw comes through after it was posted.</returns>
    public async Task<StepResult> RunStepAsync(ScheduledPlan plan, string name, CancellationToken token = default)
    {
        var step = new ScheduledStep(plan, plan.Plan[name]) { Started = events.Now };
        events.Post(new StepStarted(step.Recipe, step.Name, 1));
        await Task.Run(() => _attempts.RunAsync(step, token), CancellationToken.None).ConfigureAwait(false);
        if (step.Failure is { } failure)
        {
            throw new StepFailedException(name, failure);
        }

        token.ThrowIfCancellationRequested();
        return step.Result!;
    }

    private static List<ScheduledStep> StepsOf(IReadOnlyList<ScheduledPlan> plans)
    {
        var steps = new List<ScheduledStep>();
        var byKey = new Dictionary<StepKey, ScheduledStep>();
        foreach (var plan in plans)
        {
            var byName = new Dictionary<string, ScheduledStep>(StringComparer.Ordinal);
            foreach (var planned in plan.Target is null ? plan.Plan.Steps : plan.Plan.Needed(plan.Target))
            {
                var step = new ScheduledStep(plan, planned);
                step.Before.AddRange(planned.Step.DependsOn.Select(name => byName[name]));
                if (byKey.TryGetValue(planned.Key, out var twin))
                {
                    step.Twin = twin;
                    step.Before.Add(twin);
                }
                else
                {
                    byKey.Add(planned.Key, step);
                }

                byName.Add(planned.Name, step);
                steps.Add(step);
            }
        }

        return steps;
    }

    private static string WordOf(PlannedOutcome outcome) => outcome switch
    {
        PlannedOutcome.Hit => "cached",
        PlannedOutcome.Remote => "remote",
        _ => "run",
    };

    private static List<KeyValuePair<string, string>> OutputsOf(IReadOnlyList<ScheduledPlan> plans, List<ScheduledStep> steps) =>
    [
        .. plans
            .Where(plan => plan.Output is not null && steps.Where(step => step.Plan == plan).All(step => step.Result is not null))
            .Select(plan => KeyValuePair.Create(plan.Plan.RecipeName, plan.Output!)),
    ];

    private void StartReady(List<ScheduledStep> steps, CancellationToken token)
    {
        foreach (var step in steps)
        {
            if (_running.Count >= options.Jobs)
            {
                return;
            }

            if (step.IsReady && Fits(step.Demand))
            {
                step.IsStarted = true;
                step.Started = events.Now;
                // Here and not in the step's own task, so that the order of the events is the order of the plan.
                events.Post(new StepStarted(step.Recipe, step.Name, 1));
                // Steps compute on the thread they are started on.
                _running.Add(Task.Run(() => _attempts.RunAsync(step, token), CancellationToken.None), step);
            }
        }
    }

    private bool Fits(StepDemand demand)
    {
        var memory = demand.MemoryBytes;
        foreach (var other in _running.Values)
        {
            if ((other.Demand.Units & demand.Units) != 0)
            {
                return false;
            }

            memory += other.Demand.MemoryBytes;
        }

        return _running.Count == 0 || options.MemoryBudget is not { } budget || memory <= budget;
    }

    private void Settle(Task ended)
    {
        _running.Remove(ended, out var step);
        step!.HasEnded = true;
        if (step.Failure is { } failure)
        {
            _failures.Add(failure);
        }
    }

    private void SkipBlocked(List<ScheduledStep> steps)
    {
        // In the order of the plans: what is skipped here blocks those after it.
        foreach (var step in steps)
        {
            if (!step.HasEnded && !step.IsStarted && step.Blocker is { } blocker)
            {
                Skip(step, blocker.Failure is null ? blocker.Reason : $"{Named(blocker, step.Recipe)} failed");
            }
        }
    }

    private void Skip(ScheduledStep step, string reason)
    {
        step.Skip(reason);
        step.HasEnded = true;
        events.Post(new StepSkipped(step.Recipe, step.Name, reason));
    }

    private static string FirstFailed(List<ScheduledStep> steps) => steps.Find(step => step.Failure is not null)?.Name ?? "another step";

    private static string Named(ScheduledStep step, string recipe) => step.Recipe == recipe ? step.Name : $"{step.Name} of {step.Recipe}";
}
