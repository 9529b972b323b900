using LayerCake.Building;

namespace LayerCake.Steps.Tests;

/// <summary>What a whole build did and printed.</summary>
internal sealed record DemoBuild(RecipeBuild Build, IReadOnlyList<StepResult> Results, RecordingReporter Reporter)
{
    public StoredTree Package => this[StepNames.Package].Tree;

    public IEnumerable<string> Ran => Results.Where(result => result.Outcome == StepOutcome.Ran).Select(result => result.Name);

    public StepResult this[string step] => Results.Single(result => result.Name == step);

    /// <summary>Runs all steps and places the workspace.</summary>
    public static async Task<DemoBuild> RunAsync(RecipeBuild build, string storeFolder, RecordingReporter? reporter = null, CancellationToken token = default)
    {
        reporter ??= new RecordingReporter();
        using var store = ArtifactStore.Open(storeFolder);
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store, token);
        var results = await new StepRunner(store, reporter).RunAllAsync(plan, token: token).ConfigureAwait(false);
        await store.PlaceAsync(results[^1].Tree, build.OutputFolder, token: token).ConfigureAwait(false);
        return new DemoBuild(build, results, reporter);
    }
}
