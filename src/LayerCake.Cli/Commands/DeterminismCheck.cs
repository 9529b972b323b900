using LayerCake.Building;
using LayerCake.Reporting;

namespace LayerCake.Cli.Commands;

/// <summary><c>build --check</c>: every variant built again and compared with what the store has.</summary>
internal static class DeterminismCheck
{
    public static async Task<ExitCode> RunAsync(RecipeSession session, CancellationToken token)
    {
        foreach (var build in session.Builds)
        {
            var name = build.Recipe.Name;
            var plan = BuildPlan.Create(name, build.Steps, session.Store, token);
            var scratch = Path.Combine(Path.GetDirectoryName(build.OutputFolder)!, $".check-{name}");
            var result = await BuildCheck.RunAsync(plan, build.Steps, session.Store, scratch, SilentReporter.Instance, token).ConfigureAwait(false);
            if (result.Failure is { } failure)
            {
                System.Console.Error.WriteLine($"layercake: {name}: {failure.Message}");
                return ExitCode.Different;
            }

            System.Console.Error.WriteLine($"{name}: built again, the same bytes in all {result.Steps.Count} steps ({string.Join(", ", result.Steps)})");
        }

        return ExitCode.Success;
    }
}
