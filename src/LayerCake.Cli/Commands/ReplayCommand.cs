using System.CommandLine;
using LayerCake.Building;
using LayerCake.Cli.Console;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake replay FILE</c>: prints a build's log as the build printed it.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { HelpName = "FILE", Description = "A log: artifacts/logs/NAME.jsonl." };
        var command = new Command("replay", "Prints what a build printed, from its log.") { file };
        command.SetAction(result =>
        {
            var renderer = BuildConsole.Plain();
            foreach (var @event in BuildEventLog.Read(result.GetValue(file)!))
            {
                renderer.Take(@event);
            }

            return (int)ExitCode.Success;
        });
        return command;
    }
}
