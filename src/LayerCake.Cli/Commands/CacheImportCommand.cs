using System.CommandLine;
using System.Globalization;
using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache import FILE</c>: takes results from an archive.</summary>
internal static class CacheImportCommand
{
    public static Command Create()
    {
        var arguments = new CacheArguments();
        var file = new Argument<string>("file") { HelpName = "FILE", Description = "The archive that 'layercake cache export' wrote." };
        var command = new Command("import", "Takes the results of an archive into the store. Every byte is checked, and what the store has stays as it is.") { file };
        arguments.AddTo(command);
        command.SetAction(async (result, token) =>
        {
            using var store = arguments.Open(result, readOnly: false);
            var report = await new StoreImporter(store).ImportAsync(result.GetValue(file)!, token).ConfigureAwait(false);
            System.Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Results} results, {report.Contents} files, {Quantities.Show(report.Bytes)}; {report.Present} of the results were here already"));
            return (int)ExitCode.Success;
        });
        return command;
    }
}
