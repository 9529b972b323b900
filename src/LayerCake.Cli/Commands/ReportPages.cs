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

    /// <summary>Writes one page.</summary>
    /// <exception cref="ReportingException">There is no log of the recipe, or the page cannot be written.</exception>
    public static void Write(RecipeSession session, RecipeBuild build, string page, CancellationToken token)
    {
        var log = LogOf(session);
        if (!File.Exists(log))
        {
            throw new ReportingException($"{session.Name} has no log of a build ({log} does not exist); build it first");
        }

        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, session.Store, token);
        var folder = Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder);
        // Where it is not below the working folder, only its name: a page is passed on.
        var shown = folder.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(folder) ? $"{Path.GetFileName(Path.GetDirectoryName(build.OutputFolder))}/{build.Recipe.Name}" : folder;
        BuildReport.Write(page, new ReportCollector(session.Store).Collect(build.Recipe.Name, plan, shown.Replace(Path.DirectorySeparatorChar, '/'), BuildEventLog.Read(log)));
    }

    /// <summary>After a build: a page for each variant in which a step ran or failed, or that has none yet. A build does not fail for its page.</summary>
    public static void WriteAfter(RecipeSession session, BuildOutcome outcome, CancellationToken token)
    {
        foreach (var build in session.Builds)
        {
            var page = BuildReport.PathFor(build.OutputFolder);
            if (File.Exists(page) && outcome.Rows.Where(row => row.Recipe == build.Recipe.Name).All(row => row.Outcome == OutcomeWords.Cached))
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
