using System.Globalization;
using System.Text.Json;
using LayerCake.Building;
using LayerCake.Cli.Console;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>Runs one step of a plan and says how it ended.</summary>
internal static class StepRun
{
    /// <summary>Brings the step's result into the store and, for package, the workspace into its folder.</summary>
    public static async Task<StepResult> RunAsync(RecipeBuild build, BuildPlan plan, ArtifactStore store, string step, bool force, CancellationToken token)
    {
        var result = await ConsoleReporter.RunAsync(
            step,
            async reporter =>
            {
                var ended = await new StepRunner(store, reporter).RunAsync(plan, step, force, token).ConfigureAwait(false);
                if (step == StepNames.Package)
                {
                    await PlacePackageAsync(store, ended.Tree, build.OutputFolder, reporter, token).ConfigureAwait(false);
                }

                return ended;
            }).ConfigureAwait(false);
        store.Stats.Save();
        System.Console.Out.WriteLine(Describe(result));
        return result;
    }

    /// <summary>
    /// Puts a package into its folder below artifacts/. A package that another store placed there (one that was deleted meanwhile, say) gives way; what is no
    /// package of LayerCake's does not.
    /// </summary>
    private static Task<PlaceOutcome> PlacePackageAsync(ArtifactStore store, StoredTree tree, string folder, IBuildReporter reporter, CancellationToken token) =>
        store.PlaceAsync(
            tree,
            folder,
            new PlaceOptions { ReplaceUnknown = File.Exists(Path.Combine(folder, RecipeBuild.RecordFile)), Waiting = owner => reporter.Waiting(folder, owner) },
            token);

    public static Task<PlaceOutcome> PlaceAsync(ArtifactStore store, StoredTree tree, string folder, IBuildReporter reporter, CancellationToken token) =>
        store.PlaceAsync(tree, folder, new PlaceOptions { Waiting = owner => reporter.Waiting(folder, owner) }, token);

    public static string Describe(StepResult result) => result.Outcome == StepOutcome.Cached
        ? $"{result.Name}: cached {result.Key.Short}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Name}: ran in {result.Elapsed.TotalSeconds:0.00} s, {result.Tree.TotalBytes / 1e6:0.00} MB, {result.Key.Short} ({result.Reason})");

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
            json.WriteString("outcome", result.Outcome == StepOutcome.Cached ? "cached" : "ran");
            json.WriteString("reason", result.Reason);
            json.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 3));
            json.WriteNumber("bytes", result.Tree.TotalBytes);
            json.WriteEndObject();
        }

        File.Move(temporary, path, overwrite: true);
    }
}
