using System.CommandLine;
using LayerCake.Provenance;

namespace LayerCake.Cli.Commands;

/// <summary>The private key that packages are signed with: a file or an environment variable. It never gets into a record.</summary>
internal sealed class SigningOptions
{
    /// <summary>A private key as PEM text.</summary>
    public const string KeyVariable = "LAYERCAKE_SIGNING_KEY";

    /// <summary>The path of a PEM file.</summary>
    public const string FileVariable = "LAYERCAKE_SIGNING_KEY_FILE";

    /// <summary>The password of an encrypted key.</summary>
    public const string PasswordVariable = "LAYERCAKE_SIGNING_PASSWORD";

    private readonly Option<string?> _file = new("--sign-key")
    {
        Description = $"Signs the package with this private key (PEM: P-256, P-384 or P-521). Without it {KeyVariable} (the PEM text) or {FileVariable} is taken, where set.",
        HelpName = "FILE",
    };

    public void AddTo(Command command) => command.Options.Add(_file);

    /// <summary>The key; null where none is given.</summary>
    public SigningKey? Load(ParseResult result)
    {
        var password = Environment.GetEnvironmentVariable(PasswordVariable);
        return (result.GetValue(_file), Environment.GetEnvironmentVariable(KeyVariable), Environment.GetEnvironmentVariable(FileVariable)) switch
        {
            ({ } file, _, _) => SigningKey.Load(file, password),
            (_, { Length: > 0 } pem, _) => SigningKey.Parse(pem, KeyVariable, password),
            (_, _, { Length: > 0 } file) => SigningKey.Load(file, password),
            _ => null,
        };
    }
}
