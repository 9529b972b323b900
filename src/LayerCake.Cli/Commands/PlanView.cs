using LayerCake.Building;
using LayerCake.Evaluation;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>A plan as people and scripts see it: the store's view of every step, and whether the finished workspace is in place.</summary>
internal sealed class PlanView
{
    private PlanView(string recipe, string output, IReadOnlyList<StepView> steps)
    {
        Recipe = recipe;
        Output = output;
        Steps = steps;
    }

    public string Recipe { get; }

    public string Output { get; }

    public IReadOnlyList<StepView> Steps { get; }

    public static PlanView Of(RecipeBuild build, BuildPlan plan, ArtifactStore store, bool force, CancellationToken cancellationToken)
    {
        var output = Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder);
        var steps = new List<StepView>();
        foreach (var planned in plan.Steps)
        {
            var hit = planned.Outcome == PlannedOutcome.Hit;
            var (cached, reason) = (hit, force) switch
            {
                (_, true) when planned.Outcome != PlannedOutcome.Miss => (false, "forced"),
                (true, false) when planned.Name == StepNames.Package && !store.IsPlaced(planned.Record!.Tree, build.OutputFolder, cancellationToken)
                    => (false, $"{output} is missing or differs; it is put back from the store"),
                (true, false) when planned.Name == StepNames.Archive && !ArchivePlacement.IsPlaced(store, planned.Record!.Tree, build.ArchiveFile!, cancellationToken)
                    => (false, $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), build.ArchiveFile!)} is missing or differs; it is put back from the store"),
                (true, false) when planned.Name == StepNames.Evaluate && ObjectionTo(build, planned, store) is { } objection => (false, objection),
                _ => (hit, planned.Reason),
            };
            var fetched = planned.Outcome == PlannedOutcome.Remote && !force;
            steps.Add(new StepView(planned, cached, fetched, reason, planned.Record?.Tree.TotalBytes));
        }

        return new PlanView(plan.RecipeName, output, steps);
    }

    /// <summary>What was measured may be beyond a limit that the recipe has by now: then the step fails, though its result is there.</summary>
    private static string? ObjectionTo(RecipeBuild build, PlannedStep planned, ArtifactStore store)
    {
        try
        {
            return QualityCheck.Objection(build.Recipe, QualityCheck.Read(store, planned.Record!.Tree));
        }
        catch (EvaluationException exception)
        {
            return exception.Message;
        }
    }

    /// <param name="Planned">The step.</param>
    /// <param name="IsCached">Whether nothing has to be done for it.</param>
    /// <param name="IsFetched">Whether its result comes from the shared cache.</param>
    /// <param name="Reason">Why it runs, or why not.</param>
    /// <param name="Bytes">Size of its result; null where there is none.</param>
    internal sealed record StepView(PlannedStep Planned, bool IsCached, bool IsFetched, string Reason, long? Bytes)
    {
        public bool Runs => !IsCached && !IsFetched;

        /// <summary>What will be done, in a word.</summary>
        public string Word => IsCached ? "cached" : IsFetched ? "fetch" : "run";
    }
}
