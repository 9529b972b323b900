using System.CommandLine;
using System.Globalization;
using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache verify</c>: reads all content of the store again.</summary>
internal static class CacheVerifyCommand
{
    public static Command Create()
    {
        var arguments = new CacheArguments();
        var command = new Command(
            "verify", "Reads all content of the store again and holds it against its digests. Damaged content goes to the quarantine; exit code 6 when there was any.");
        arguments.AddTo(command);
        command.SetAction(async (result, token) =>
        {
            using var store = arguments.Open(result, readOnly: false);
            var report = await new StoreVerifier(store).VerifyAsync(token: token).ConfigureAwait(false);
            foreach (var digest in report.Damaged)
            {
                System.Console.Out.WriteLine($"damaged: content {digest}");
            }

            foreach (var record in report.RemovedRecords)
            {
                System.Console.Out.WriteLine($"removed: {record}");
            }

            System.Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"read {report.Contents} files, {Quantities.Show(report.Bytes)}: {(report.IsSound ? "all is as it was stored" : "what was damaged is out of the way; the next build makes it again")}"));
            return (int)(report.IsSound ? ExitCode.Success : ExitCode.Storage);
        });
        return command;
    }
}
