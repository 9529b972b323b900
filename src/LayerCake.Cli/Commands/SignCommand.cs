using System.CommandLine;
using LayerCake.Provenance;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake sign</c>: an OpenSSF Model Signing signature for a folder that is finished.</summary>
internal static class SignCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { HelpName = "FOLDER", Description = "A package, or any folder with a model." };
        var key = new Option<string?>("--key")
        {
            HelpName = "FILE",
            Description = $"The private key: PEM, on P-256, P-384 or P-521. Else {SigningKeys.TextVariable} or {SigningKeys.FileVariable}.",
        };
        var command = new Command("sign", $"Signs every file of a folder; the signature is {PackageFiles.Signature} in it. A package is verified first.") { folder, key };
        command.SetAction((result, cancellationToken) =>
        {
            Sign(result.GetValue(folder)!, result.GetValue(key), cancellationToken);
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static void Sign(string folder, string? keyFile, CancellationToken token)
    {
        if (!Directory.Exists(folder))
        {
            throw new ProvenanceException(File.Exists(folder)
                ? $"{folder} is a file; sign the folder of a package, before it is archived"
                : $"{folder} does not exist: name the folder of a package");
        }

        var key = SigningKeys.Find(keyFile)
            ?? throw new UsageException($"there is no key: give --key FILE, or set {SigningKeys.TextVariable} or {SigningKeys.FileVariable}.");
        var inventory = PackageInventory.Read(folder, token);
        if (inventory.Files.Any(file => file.Path is PackageFiles.BuildRecord or PackageFiles.Checksums)
            && PackageVerifier.Verify(inventory, key: null) is { IsSound: false } report)
        {
            throw new ProvenanceException($"{folder} is a package that was changed, and is not signed: {report.Findings[0]}");
        }

        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        var signature = ModelSignature.Sign(key, name.Length == 0 ? "model" : name, inventory);
        Write(Path.Combine(folder, PackageFiles.Signature), signature);
        System.Console.Out.WriteLine($"{folder}: {inventory.Files.Count(file => file.Path != PackageFiles.Signature)} files signed with the key {key.PublicKey.Hint} ({key.PublicKey.Curve})");
    }

    private static void Write(string path, byte[] content)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
