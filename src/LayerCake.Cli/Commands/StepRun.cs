using System.Text.Json;
using LayerCake.Building;
using LayerCake.Cli.Console;
using LayerCake.Recipes;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>What running steps of a recipe is made of, for one step and for a whole build.</summary>
internal static class StepRun
{
    /// <summary>Brings one step's result into the store and, for package, the workspace into its folder.</summary>
    /// <param name="session">Store, shared cache and lock record.</param>
    /// <param name="build">One of the session's.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="step">The step's name.</param>
    /// <param name="force">Whether it runs though its result is there.</param>
    /// <param name="eventsFile">A log to add to; null for none.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="StepFailedException">It failed, and has said so.</exception>
    public static Task<StepResult> RunAsync(
        RecipeSession session, RecipeBuild build, BuildPlan plan, string step, bool force, string? eventsFile, CancellationToken token) =>
        BuildConsole.ShowAsync(json: false, async console =>
        {
            var store = session.Store;
            var passed = TimeSpan.Zero;
            using var log = eventsFile is null ? null : BuildEventLog.Append(eventsFile, store.Time, out passed, WarnOfLog);
            var events = new BuildEventStream(store.Time, TextFor([build]), log is null ? [console] : [console, log], passed);
            var scheduler = new BuildScheduler(store, events, new SchedulerOptions { Runner = session.NewRunner });
            return await scheduler.RunStepAsync(Schedule(session, build, plan, _ => force, command: null), step, token).ConfigureAwait(false);
        });

    /// <summary>A plan as the scheduler takes it: within the recipe's time and retries, held to the lock record, the package put into its folder.</summary>
    public static ScheduledPlan Schedule(
        RecipeSession session, RecipeBuild build, BuildPlan plan, Func<string, bool> forced, Func<string, string?>? command) => new()
    {
        Plan = plan,
        Forced = forced,
        Timeout = build.Recipe.Execution.Timeout?.Time,
        Retries = build.Recipe.Execution.Retries,
        Command = command,
        Output = Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder),
        After = async (result, reporter, token) =>
        {
            session.Lock?.ThrowIfNotReproduced(result.Name, result.Key, result.Tree);
            if (result.Name == StepNames.Evaluate)
            {
                // Of a result that was found, too: another limit is no other measurement.
                QualityCheck.ThrowIfFailed(build.Recipe, QualityCheck.Read(session.Store, result.Tree));
            }
            else if (result.Name == StepNames.Package)
            {
                await PlacePackageAsync(session.Store, result.Tree, build, reporter, token).ConfigureAwait(false);
            }
            else if (result.Name == StepNames.Archive)
            {
                ArchivePlacement.Place(session.Store, result.Tree, build.ArchiveFile!, token);
            }

            session.Store.Stats.Save();
        },
    };

    /// <summary>What a log calls the folders of these builds.</summary>
    public static EventText TextFor(IReadOnlyList<RecipeBuild> builds)
    {
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var build in builds)
        {
            folders.TryAdd(Path.TrimEndingDirectorySeparator(Path.GetDirectoryName(build.OutputFolder)!), "artifacts");
            folders.TryAdd(Path.TrimEndingDirectorySeparator(Path.GetFullPath(build.Recipe.ResolveModel())), build.Recipe.Model.Source.Text);
        }

        folders[Path.TrimEndingDirectorySeparator(Directory.GetCurrentDirectory())] = "";
        folders.TryAdd(Path.TrimEndingDirectorySeparator(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)), "~");
        return EventText.For(folders, Environment.GetEnvironmentVariables());
    }

    public static void WarnOfLog(string problem) => System.Console.Error.WriteLine($"warning: the log of the build ends here: {problem}");

    /// <summary>
    /// Puts a package into its folder below artifacts/. A package that another store placed there (one that was deleted meanwhile, say) gives way; what is no
    /// package of LayerCake's does not.
    /// </summary>
    private static Task<PlaceOutcome> PlacePackageAsync(ArtifactStore store, StoredTree tree, RecipeBuild build, IBuildReporter reporter, CancellationToken token) =>
        store.PlaceAsync(
            tree,
            build.OutputFolder,
            new PlaceOptions
            {
                ReplaceUnknown = File.Exists(Path.Combine(build.OutputFolder, RecipeBuild.RecordFile)),
                HardLinks = build.Recipe.Execution.Placement == PlacementChoice.Link,
                Waiting = owner => reporter.Waiting(build.OutputFolder, owner),
            },
            token);

    public static Task<PlaceOutcome> PlaceAsync(ArtifactStore store, StoredTree tree, string folder, IBuildReporter reporter, CancellationToken token) =>
        store.PlaceAsync(tree, folder, new PlaceOptions { Waiting = owner => reporter.Waiting(folder, owner) }, token);

    /// <summary>For whoever started the process: <c>{ "name", "key", "outcome", "reason", "seconds", "bytes" }</c>.</summary>
    public static void WriteResult(string path, StepResult result)
    {
        var temporary = $"{path}.{Environment.ProcessId}";
        using (var stream = File.Create(temporary))
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteString("key", result.Key.ToString());
            json.WriteString("outcome", OutcomeWords.Of(result.Outcome));
            json.WriteString("reason", result.Reason);
            json.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 3));
            json.WriteNumber("bytes", result.Tree.TotalBytes);
            json.WriteEndObject();
        }

        File.Move(temporary, path, overwrite: true);
    }
}
