namespace LayerCake.Building;

/// <summary>Runs the steps of a plan, each only where its result is not there, and never two of the same key at once.</summary>
/// <param name="store">Where results are.</param>
/// <param name="reporter">Told how it goes.</param>
/// <param name="cache">Asked for what the store does not have, and given what ran here; null for none.</param>
public sealed class StepRunner(ArtifactStore store, IBuildReporter reporter, SharedCache? cache = null)
{
    // Whether this runner has run the step: what it finished before a retry is not to be thrown away by force.
    private bool _started;

    /// <summary>A folder for what a failed step had written; null to keep nothing.</summary>
    public string? KeepFailedIn { get; set; }

    /// <summary>The folder with what the step that failed last had written; null where nothing was kept.</summary>
    public string? Kept { get; private set; }

    /// <summary>
    /// Brings one step's result into the store: found there and checked, fetched from the shared cache, or made. The steps before it must have their results. When another process is
    /// making the same, this waits and takes that result.
    /// </summary>
    /// <param name="plan">Made shortly before: the inputs' digests are those of the plan, and are checked again after the step ran.</param>
    /// <param name="step">Its name.</param>
    /// <param name="force">Run it though its result is there; the new result takes the old one's place.</param>
    /// <param name="token">Stops the step; nothing of it is kept.</param>
    /// <exception cref="BuildException">
    /// A result of a step before it is missing, an input changed while it ran, or the store cannot be written. What the step itself throws comes through.
    /// </exception>
    public async Task<StepResult> RunAsync(BuildPlan plan, string step, bool force = false, CancellationToken token = default)
    {
        var started = store.Time.GetTimestamp();
        var planned = plan[step];
        store.Sweep();
        await PinAsync(plan, token).ConfigureAwait(false);
        try
        {
            var (record, fault) = force ? (null, null) : FindChecked(planned, token);
            if (record is not null)
            {
                return Cached(plan, planned, record, "up to date", started);
            }

            var result = await MakeOrFetchAsync(plan, planned, force, fault, started, token).ConfigureAwait(false);
            if (result.Outcome == StepOutcome.Ran && cache is { CanWrite: true })
            {
                // After the lock: whoever waits for the result has it already. That it is pinned keeps its content in the store until then.
                await new RemotePush(cache, store, reporter).RunAsync(plan.RecipeName, result.Record, token).ConfigureAwait(false);
            }

            return result;
        }
        finally
        {
            store.Stats.Save();
        }
    }

    private async Task<StepResult> MakeOrFetchAsync(BuildPlan plan, PlannedStep planned, bool force, string? fault, long started, CancellationToken token)
    {
        var waited = false;
        using var held = await store.LockAsync(
            planned.Key.ToString(),
            owner =>
            {
                waited = true;
                reporter.Waiting(planned.Name, owner);
            },
            token).ConfigureAwait(false);
        store.Faults.Pass(FaultPoints.LockTaken);
        if (!force)
        {
            // Between the look and the lock another may have finished.
            var (record, now) = FindChecked(planned, token);
            if (record is not null)
            {
                return Cached(plan, planned, record, waited ? "built meanwhile by another process" : "up to date", started);
            }

            fault ??= now;
            if (await FetchAsync(planned, token).ConfigureAwait(false) is { } fetched)
            {
                store.WriteLatest(plan.RecipeName, planned.Name, planned.Fields);
                new StepParts(store, plan.RecipeName, planned, reporter).Clear();
                store.Faults.Pass(FaultPoints.LockReleasing);
                return Result(planned, StepOutcome.FromRemote, $"from {cache!.Name}", fetched, started);
            }
        }

        var parts = new StepParts(store, plan.RecipeName, planned, reporter);
        parts.Begin(force && !_started);
        _started = true;
        var made = await MakeAsync(planned, parts, token).ConfigureAwait(false);
        store.WriteLatest(plan.RecipeName, planned.Name, planned.Fields);
        parts.Clear();
        store.Faults.Pass(FaultPoints.LockReleasing);
        var why = force ? "forced"
            : planned.Outcome == PlannedOutcome.Miss ? planned.Reason
            : fault ?? (planned.Outcome == PlannedOutcome.Remote ? $"it could not be had from {cache?.Name ?? "the shared cache"}" : "its result is no longer in the store");
        return Result(planned, StepOutcome.Ran, why, made, started);
    }

    private Task PinAsync(BuildPlan plan, CancellationToken token)
    {
        var keys = new List<StepKey>(plan.Steps.Count);
        foreach (var step in plan.Steps)
        {
            keys.Add(step.Key);
        }

        return store.Pins.AddAsync(keys, token);
    }

    /// <summary>The result from the shared cache, now in the store; null where it is not to be had there.</summary>
    private async Task<StepRecord?> FetchAsync(PlannedStep planned, CancellationToken token)
    {
        if (cache is null || await cache.FindAsync(planned.Key, SharedCache.QuestionLimit, token).ConfigureAwait(false) is not { } record)
        {
            return null;
        }

        // Early cutoff holds for other machines' results too: what was made from another output of an earlier step than the one here is not this result.
        return FaultOfOrigin(planned, record) is null && await new RemoteFetch(cache, store, reporter).RunAsync(planned.Name, record, token).ConfigureAwait(false)
            ? record
            : null;
    }

    private (StepRecord? Record, string? Fault) FindChecked(PlannedStep planned, CancellationToken token)
    {
        var (record, fault) = store.Find(planned.Key);
        if (record is null)
        {
            return (null, fault);
        }

        if (FaultOfOrigin(planned, record) is { } origin)
        {
            return (null, origin);
        }

        var state = store.Check(record.Tree, read: true, token);
        return state.Fault is null ? (record, null) : (null, state.Fault);
    }

    private string? FaultOfOrigin(PlannedStep planned, StepRecord record)
    {
        foreach (var (name, key) in planned.Before)
        {
            if (store.Find(key).Record is { } now && !record.WasMadeFrom(now))
            {
                return $"the output of {name} changed";
            }
        }

        return null;
    }

    private async Task<StepRecord> MakeAsync(PlannedStep planned, StepParts parts, CancellationToken token)
    {
        var before = ResultsBefore(planned, token);
        var lineage = JoinLineages(before.Values);
        var folder = store.NewTemporaryFolder();
        StepContext? context = null;
        try
        {
            var started = store.Time.GetTimestamp();
            context = StorageErrors.Guard("make a temporary folder", folder, () => new StepContext(store, folder, planned, before, lineage, parts, reporter));
            store.Faults.Pass(FaultPoints.StepStarted);
            try
            {
                await planned.Step.RunAsync(context, token).ConfigureAwait(false);
            }
            catch (Exception exception) when (StorageErrors.IsFull(exception))
            {
                throw StorageErrors.Explain(exception, $"write the output of {planned.Name}", context.OutputFolder);
            }

            token.ThrowIfCancellationRequested();
            store.Faults.Pass(FaultPoints.StepFinished);
            foreach (var input in planned.Inputs)
            {
                if (input.FindChange(store.Stats, token) is { } change)
                {
                    throw new BuildException(
                        $"{planned.Name}: the input '{input.Input.Name}' changed while the step ran ({change}); the result was not kept, since it belongs to neither state; run again");
                }
            }

            var runTime = store.Time.GetElapsedTime(started);
            // Between publishing and recording no record names the content, and the collector would take it for rubbish.
            using var open = await store.Gate.EnterAsync(token).ConfigureAwait(false);
            var tree = store.Publish(context.OutputFolder, token);
            var record = new StepRecord
            {
                Key = planned.Key,
                Fields = planned.Fields,
                Tree = tree,
                Lineage = [.. lineage, Describe(planned, tree.Digest)],
                RunTime = runTime,
                ProgramVersion = store.Options.ProgramVersion,
            };
            store.Write(record);
            return record;
        }
        catch (Exception) when (KeepFailedIn is not null && context is not null && !token.IsCancellationRequested)
        {
            Kept = FailedWork.Keep(context, planned, KeepFailedIn, reporter);
            throw;
        }
        finally
        {
            StorageErrors.Guard("remove a temporary folder", folder, () => store.DeleteLinked(folder));
        }
    }

    private Dictionary<string, StepRecord> ResultsBefore(PlannedStep planned, CancellationToken token)
    {
        var before = new Dictionary<string, StepRecord>(StringComparer.Ordinal);
        foreach (var (name, key) in planned.Before)
        {
            var (record, fault) = store.Find(key);
            fault ??= record is null ? "it was not built" : store.Check(record.Tree, read: true, token).Fault;
            before[name] = fault is null
                ? record!
                : throw new BuildException($"{planned.Name} needs the result of {name}, which is not in the store ({fault}); run {name} first");
        }

        return before;
    }

    private static List<BuiltStep> JoinLineages(IEnumerable<StepRecord> records)
    {
        var joined = new List<BuiltStep>();
        var seen = new HashSet<StepKey>();
        foreach (var record in records)
        {
            foreach (var step in record.Lineage)
            {
                if (seen.Add(step.Key))
                {
                    joined.Add(step);
                }
            }
        }

        return joined;
    }

    private static BuiltStep Describe(PlannedStep planned, Digest tree)
    {
        var inputs = new List<KeyValuePair<string, Digest>>();
        foreach (var input in planned.Inputs)
        {
            inputs.Add(KeyValuePair.Create(input.Input.Name, input.Digest));
        }

        inputs.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return new BuiltStep
        {
            Name = planned.Name,
            Version = planned.Step.Version,
            Key = planned.Key,
            Tree = tree,
            After = planned.Step.DependsOn,
            Inputs = inputs,
        };
    }

    private StepResult Cached(BuildPlan plan, PlannedStep planned, StepRecord record, string reason, long started)
    {
        store.Touch(planned.Key);
        try
        {
            if (store.FindLatest(plan.RecipeName, planned.Name)?.Key != planned.Key)
            {
                store.WriteLatest(plan.RecipeName, planned.Name, planned.Fields);
            }
        }
        catch (BuildException)
        {
            // A store that cannot be written serves hits all the same; only a later explanation has less to compare with.
        }

        return Result(planned, StepOutcome.Cached, reason, record, started);
    }

    private StepResult Result(PlannedStep planned, StepOutcome outcome, string reason, StepRecord record, long started) => new()
    {
        Name = planned.Name,
        Outcome = outcome,
        Reason = reason,
        Record = record,
        Elapsed = store.Time.GetElapsedTime(started),
    };
}
