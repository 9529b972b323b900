using System.CommandLine;
using LayerCake.Reporting;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake diff</c>: two packages tensor by tensor, and what in their recipes and inputs made the difference.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        var a = new Argument<string>("a") { HelpName = "A", Description = "A package, a workspace, a checkpoint folder, a step's output or a checkpoint file." };
        var b = new Argument<string>("b") { HelpName = "B", Description = "Another one of that kind." };
        var all = new Option<bool>("--all") { Description = "Shows all that differs and the tensors that are equal; otherwise the first twenty of each kind." };
        var json = new Option<bool>("--json") { Description = "Prints the comparison as JSON." };
        var command = new Command("diff", "Compares two packages tensor by tensor and says which change of the recipe or the inputs caused what differs.") { a, b, all, json };
        command.SetAction((result, token) =>
        {
            var difference = PackageDiff.Compare(result.GetValue(a)!, result.GetValue(b)!, token);
            if (result.GetValue(json))
            {
                using var output = System.Console.OpenStandardOutput();
                PackageDifferenceJson.Write(output, difference, result.GetValue(all));
            }
            else
            {
                PackageDifferenceText.Write(System.Console.Out, difference, result.GetValue(all));
            }

            return Task.FromResult((int)(difference.AreEqual ? ExitCode.Success : ExitCode.Different));
        });
        return command;
    }
}
