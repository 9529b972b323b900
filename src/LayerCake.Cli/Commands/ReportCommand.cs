using System.CommandLine;
using LayerCake.Building;
using LayerCake.Reporting;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake report</c>: the last build of a recipe as one HTML page.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var output = new Option<string?>("--output", "-o") { Description = "Where the page goes; otherwise beside the package, artifacts/NAME.report.html.", HelpName = "FILE" };
        var command = new Command("report", "Writes the last build of a recipe as one HTML page: steps, times, sizes, KV ranges, weight errors, the record.");
        var signal = new StartSignal();
        arguments.AddTo(command, force: false);
        command.Options.Add(output);
        signal.AddTo(command);
        command.SetAction((result, token) =>
        {
            using var session = arguments.Open(result, readOnly: true);
            if (result.GetValue(output) is not null && session.Builds.Count > 1)
            {
                throw new UsageException($"--output names one file, but the recipe has {session.Builds.Count} variants; name one with --variant.");
            }

            if (!signal.Await(result))
            {
                return Task.FromResult((int)ExitCode.Interrupted);
            }

            foreach (var build in session.Builds)
            {
                var page = result.GetValue(output) ?? BuildReport.PathFor(build.OutputFolder);
                ReportPages.Write(session, build, page, token);
                System.Console.Out.WriteLine(Path.GetRelativePath(Directory.GetCurrentDirectory(), page));
            }

            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }
}
