using System.CommandLine;
using LayerCake.Provenance;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake verify</c>: whether a package is what its records, and its signature, say.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var package = new Argument<string>("package") { HelpName = "PACKAGE", Description = "The folder of a package, or its archive (.tar, .tar.zst)." };
        var key = new Option<string?>("--key") { HelpName = "FILE", Description = "The public key (PEM) of who must have signed it. Without it only integrity is checked." };
        var model = new Option<string?>("--model") { HelpName = "FOLDER", Description = "The folder of the source model: its files are compared with what the package was made from." };
        var json = new Option<bool>("--json") { Description = "Prints the findings as JSON." };
        var command = new Command("verify", "Checks a package, offline: every file against its records and, with a key, against its signature. Names what is wrong.")
        {
            package, key, model, json,
        };
        command.SetAction((result, cancellationToken) =>
        {
            var verificationKey = result.GetValue(key) is { } file ? VerificationKey.Load(file) : null;
            var source = result.GetValue(model) is { } folder ? PackageInventory.Read(folder, cancellationToken) : null;
            var report = PackageVerifier.Verify(PackageInventory.Read(result.GetValue(package)!, cancellationToken), verificationKey, source);
            var view = new VerificationView(report, verificationKey);
            if (result.GetValue(json))
            {
                using var output = System.Console.OpenStandardOutput();
                view.WriteJson(output);
            }
            else
            {
                view.Print(System.Console.Out);
            }

            return Task.FromResult((int)(report.IsSound ? ExitCode.Success : ExitCode.Verification));
        });
        return command;
    }
}
