using LayerCake.Provenance;

namespace LayerCake.Cli.Commands;

/// <summary>Where the private key comes from: an option, or the environment, as CI jobs hold secrets.</summary>
internal static class SigningKeys
{
    /// <summary>The text of a PEM key.</summary>
    public const string TextVariable = "LAYERCAKE_SIGNING_KEY";

    /// <summary>The path of a PEM file.</summary>
    public const string FileVariable = "LAYERCAKE_SIGNING_KEY_FILE";

    /// <summary>The password of an encrypted key.</summary>
    public const string PasswordVariable = "LAYERCAKE_SIGNING_PASSWORD";

    /// <summary>The key of the option, else of the environment; null where neither names one.</summary>
    /// <param name="file">The option's value.</param>
    /// <exception cref="ProvenanceException">What is named is no usable key.</exception>
    public static SigningKey? Find(string? file)
    {
        var password = Variable(PasswordVariable);
        return file is not null ? SigningKey.Load(file, password)
            : Variable(TextVariable) is { } text ? SigningKey.Parse(text, $"the environment variable {TextVariable}", password)
            : Variable(FileVariable) is { } path ? SigningKey.Load(path, password)
            : null;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
