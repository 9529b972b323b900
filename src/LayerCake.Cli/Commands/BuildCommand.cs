using System.CommandLine;
using System.Globalization;
using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake build</c>: all steps of a recipe in this process, without Cake.</summary>
internal static class BuildCommand
{
    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var command = new Command("build", "Builds a recipe: runs the steps whose results are not in the store, and puts the workspace in place.");
        arguments.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var (build, store) = arguments.Open(result, readOnly: false);
            using (store)
            {
                await RunAsync(build, store, result.GetValue(arguments.Force), cancellationToken).ConfigureAwait(false);
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static async Task RunAsync(RecipeBuild build, ArtifactStore store, bool force, CancellationToken token)
    {
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store, token);
        var results = new List<StepResult>();
        foreach (var step in plan.Steps)
        {
            results.Add(await StepRun.RunAsync(build, plan, store, step.Name, force, token).ConfigureAwait(false));
        }

        var output = System.Console.Out;
        output.WriteLine();
        output.WriteLine("  step        outcome       time         size  why");
        foreach (var result in results)
        {
            var ran = result.Outcome == StepOutcome.Ran;
            var time = ran ? result.Elapsed.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture) : "";
            var size = (result.Tree.TotalBytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture);
            output.WriteLine($"  {result.Name,-11} {(ran ? "ran" : "cached"),-8} {time,9} {size,12}  {result.Reason}");
        }

        output.WriteLine();
        output.WriteLine($"{build.Recipe.Name} -> {Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder)}");
    }
}
