namespace LayerCake.Building;

/// <summary>Finds out for each step of a plan whether its result is in the store or in the shared cache, and says why where it is not.</summary>
internal sealed class OutcomeFinder(string recipeName, ArtifactStore store, SharedCache? cache, CancellationToken token)
{
    private readonly Dictionary<string, PlannedStep> _found = new(StringComparer.Ordinal);

    /// <param name="steps">Steps with their keys, each after those it depends on.</param>
    public IReadOnlyList<PlannedStep> Find(IReadOnlyList<PlannedStep> steps)
    {
        var here = new Local[steps.Count];
        for (var i = 0; i < here.Length; i++)
        {
            here[i] = Look(steps[i]);
        }

        var away = cache is null ? new Remote[here.Length] : AskAllAsync(steps, here).GetAwaiter().GetResult();
        var planned = new List<PlannedStep>(here.Length);
        for (var i = 0; i < here.Length; i++)
        {
            var step = Decide(steps[i], here[i], away[i]);
            planned.Add(step);
            _found.Add(step.Name, step);
        }

        return planned;
    }

    private Local Look(PlannedStep step)
    {
        var (record, fault) = store.Find(step.Key);
        var state = record is null ? null : store.Check(record.Tree, read: false, token);
        return new Local(record, fault ?? state?.Fault, state?.UnreadBytes ?? 0);
    }

    // A step whose result is here may still turn out to be made from something that is no longer here, which then another machine's result may stand in for; so
    // whatever comes after a step that is not here is asked for too.
    private async Task<Remote[]> AskAllAsync(IReadOnlyList<PlannedStep> steps, Local[] here)
    {
        var unsure = new HashSet<string>(StringComparer.Ordinal);
        var questions = new Task<Remote>[here.Length];
        for (var i = 0; i < here.Length; i++)
        {
            var sound = here[i].Record is not null && here[i].Fault is null && !unsure.Overlaps(steps[i].Step.DependsOn);
            if (!sound)
            {
                unsure.Add(steps[i].Name);
            }

            questions[i] = sound ? Task.FromResult(default(Remote)) : AskAsync(steps[i]);
        }

        return await Task.WhenAll(questions).ConfigureAwait(false);
    }

    private async Task<Remote> AskAsync(PlannedStep step)
    {
        if (await cache!.FindAsync(step.Key, SharedCache.PlanLimit, token).ConfigureAwait(false) is not { } record)
        {
            var latest = store.FindLatest(recipeName, step.Name) is null
                ? await cache.FindLatestAsync(recipeName, step.Name, SharedCache.PlanLimit, token).ConfigureAwait(false)
                : null;
            return new Remote(null, null, 0, latest);
        }

        var wanted = new Dictionary<Digest, long>();
        foreach (var entry in record.Tree.Entries)
        {
            if (entry is TreeEntry.File file && FileStat.Of(store.Layout.Blob(file.Content))?.Size != file.Size)
            {
                wanted[file.Content] = file.Size;
            }
        }

        // Where the question fails, the entry is believed: the build finds out, and runs the step if need be.
        var missing = await cache.FindMissingAsync([.. wanted], planning: true, token).ConfigureAwait(false);
        var bytes = 0L;
        foreach (var (digest, size) in wanted)
        {
            if (missing?.Contains(digest) == true)
            {
                return new Remote(null, $"{cache.Name} has its entry, but no longer its content {digest.Short}", 0, null);
            }

            bytes += size;
        }

        return new Remote(record, null, bytes, null);
    }

    private PlannedStep Decide(PlannedStep step, Local here, Remote away)
    {
        var fault = here.Fault;
        if (here.Record is { } record && fault is null)
        {
            fault = FaultOfOrigin(step, record);
            if (fault is null)
            {
                return step with
                {
                    Outcome = PlannedOutcome.Hit,
                    Reason = here.UnreadBytes == 0 ? "up to date" : "up to date; its content will be checked",
                    Record = record,
                    RunTime = record.RunTime,
                };
            }
        }

        if (away.Record is { } other && FaultOfOrigin(step, other) is null)
        {
            return step with { Outcome = PlannedOutcome.Remote, Reason = $"in {cache!.Name}", Record = other, RunTime = other.RunTime, BytesToFetch = away.Bytes };
        }

        fault ??= away.Fault;
        var latest = store.FindLatest(recipeName, step.Name);
        var before = here.Record ?? (latest is null ? null : store.Find(latest.Key).Record);
        var baseline = latest is null && away.Latest is not null ? cache!.Name : null;
        latest ??= away.Latest;
        var changes = here.Record is not null || latest is null ? [] : KeyDocument.Diff(latest, step.Fields);
        var reason = fault ?? MissReason.Of(latest is not null, changes, _found);
        return step with
        {
            Reason = fault is null && baseline is not null ? $"{reason} (since the last build in {baseline})" : reason,
            Changes = changes,
            Baseline = baseline,
            RunTime = before?.RunTime,
        };
    }

    // A result made from another output of an earlier step than the one that is there now (a step that was forced and gave other bytes) does not count.
    private string? FaultOfOrigin(PlannedStep step, StepRecord record)
    {
        foreach (var name in step.Step.DependsOn)
        {
            if (_found[name].Record is { } now && !record.WasMadeFrom(now))
            {
                return $"the output of {name} changed";
            }
        }

        return null;
    }

    private readonly record struct Local(StepRecord? Record, string? Fault, long UnreadBytes);

    private readonly record struct Remote(StepRecord? Record, string? Fault, long Bytes, KeyDocument? Latest);
}
