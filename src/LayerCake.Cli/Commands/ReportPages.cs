using LayerCake.Building;
using LayerCake.Reporting;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>The report pages of a recipe's variants, from the log of its last build.</summary>
internal static class ReportPages
{
    /// <summary>Where the log of a recipe's last build lies.</summary>
    public static string LogOf(RecipeSession session) =>
        Path.Combine(Path.GetDirectoryName(session.Builds[0].OutputFolder)!, "logs", $"{session.Name}.jsonl");

    /// <summary>Writes one page: from the log, or without one from what the store has.</summary>
    /// <exception cref="ReportingException">Nothing was built, or the page cannot be written.</exception>
    public static void Write(RecipeSession session, RecipeBuild build, string page, CancellationToken token)
    {
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, session.Store, token);
        var log = LogOf(session);
        IReadOnlyList<BuildEvent> events = File.Exists(log) ? [.. BuildEventLog.Read(log)] : [];
        if (events.Count == 0 && plan.Steps.All(step => step.Record is null))
        {
            throw new ReportingException($"{build.Recipe.Name} was not built: there is neither a log ({log}) nor a result in the store; build it first");
        }

        var folder = Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder);
        // Where it is not below the working folder, only its name: a page is passed on.
        var shown = folder.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(folder) ? $"{Path.GetFileName(Path.GetDirectoryName(build.OutputFolder))}/{build.Recipe.Name}" : folder;
        BuildReport.Write(page, new ReportCollector(session.Store).Collect(plan, shown.Replace(Path.DirectorySeparatorChar, '/'), events));
    }

    /// <summary>After a build: a page for each variant in which a step ran or failed, or that has none yet. A build does not fail for its page.</summary>
    public static void WriteAfter(RecipeSession session, BuildOutcome outcome, CancellationToken token)
    {
        if (!outcome.Succeeded && !File.Exists(LogOf(session)))
        {
            // Where not even a log could be written, the failure has said why.
            return;
        }

        foreach (var build in session.Builds)
        {
            var page = BuildReport.PathFor(build.OutputFolder);
            if (File.Exists(page) && outcome.Rows.Where(row => row.Recipe == build.Recipe.Name).All(row => row.Outcome is OutcomeWords.Cached))
            {
                continue;
            }

            try
            {
                Write(session, build, page, token);
            }
            catch (Exception exception) when (exception is not OperationCanceledException && UserErrors.Of(exception) is { } error)
            {
                System.Console.Error.WriteLine($"warning: no report of {build.Recipe.Name}: {error.Message}");
            }
        }
    }
}
