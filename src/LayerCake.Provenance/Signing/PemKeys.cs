using System.Security.Cryptography;

namespace LayerCake.Provenance;

/// <summary>Reads elliptic-curve keys in PEM, with messages for the forms that people have by mistake.</summary>
internal static class PemKeys
{
    /// <summary>A key file is a few hundred bytes; what is larger is something else.</summary>
    private const int MaxCharacters = 64 * 1024;

    private static readonly string[] s_private = ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];

    /// <exception cref="ProvenanceException">The file cannot be read or is no text of a key's size.</exception>
    public static string ReadFile(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxCharacters })
            {
                throw new ProvenanceException($"{path} is too large for a key: name a PEM file");
            }

            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ProvenanceException(
                Directory.Exists(path) ? $"the key {path} is a folder: name a PEM file" : File.Exists(path)
                    ? $"the key {path} cannot be read: {exception.Message}"
                    : $"the key {path} does not exist",
                exception);
        }
    }

    /// <summary>The private key of a PEM text: PKCS#8, SEC1, or PKCS#8 encrypted with <paramref name="password"/>.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="password">Null where none is known.</param>
    /// <param name="what">What the text is, in messages: a file's path or a variable's name.</param>
    public static (ECParameters Key, EcCurve Curve) ReadPrivate(string pem, string? password, string what)
    {
        var label = LabelOf(pem, s_private);
        if (label is null)
        {
            throw new ProvenanceException(LabelOf(pem, ["PUBLIC KEY", "CERTIFICATE"]) is { } other
                ? $"{what} holds a {other.ToLowerInvariant()}; signing needs the private key"
                : LabelOf(pem, ["RSA PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"]) is { } foreign
                    ? $"{what} holds an {foreign}; model signatures need an elliptic-curve key in PKCS#8 or SEC1: openssl ecparam -name prime256v1 -genkey -noout"
                    : $"{what} holds no private key in PEM (BEGIN PRIVATE KEY or BEGIN EC PRIVATE KEY)");
        }

        if (pem.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw new ProvenanceException($"{what} is encrypted in OpenSSL's old form; convert it: openssl pkcs8 -topk8 -in old.pem -out new.pem");
        }

        var encrypted = label == "ENCRYPTED PRIVATE KEY";
        if (encrypted && string.IsNullOrEmpty(password))
        {
            throw new ProvenanceException($"{what} is encrypted; put its password into the environment variable LAYERCAKE_SIGNING_PASSWORD");
        }

        return Read(what, isPrivate: true, key =>
        {
            if (encrypted)
            {
                key.ImportFromEncryptedPem(pem, password);
            }
            else
            {
                key.ImportFromPem(pem);
            }
        }, encrypted ? "its password is wrong, or it is damaged, or it is no elliptic-curve key" : "it is damaged, or no elliptic-curve key");
    }

    /// <summary>The public key of a PEM text (BEGIN PUBLIC KEY).</summary>
    public static (ECParameters Key, EcCurve Curve) ReadPublic(string pem, string what)
    {
        if (LabelOf(pem, ["PUBLIC KEY"]) is null)
        {
            throw new ProvenanceException(LabelOf(pem, s_private) is not null
                ? $"{what} holds a private key; verifying needs only the public one: openssl pkey -in private.pem -pubout"
                : LabelOf(pem, ["CERTIFICATE"]) is not null
                    ? $"{what} holds a certificate; take its public key: openssl x509 -in certificate.pem -pubkey -noout"
                    : $"{what} holds no public key in PEM (BEGIN PUBLIC KEY)");
        }

        return Read(what, isPrivate: false, key => key.ImportFromPem(pem), "it is damaged, or no elliptic-curve key");
    }

    private static (ECParameters Key, EcCurve Curve) Read(string what, bool isPrivate, Action<ECDsa> import, string failure)
    {
        try
        {
            using var key = ECDsa.Create();
            import(key);
            var parameters = key.ExportParameters(isPrivate);
            var curve = EcCurve.Of(parameters)
                ?? throw new ProvenanceException($"{what} is a key on another curve; model signatures use P-256, P-384 or P-521 (prime256v1, secp384r1, secp521r1)");
            return (parameters, curve);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or FormatException or PlatformNotSupportedException)
        {
            throw new ProvenanceException($"{what} cannot be used as a key: {failure}", exception);
        }
    }

    private static string? LabelOf(string pem, IEnumerable<string> labels) =>
        labels.FirstOrDefault(label => pem.Contains($"-----BEGIN {label}-----", StringComparison.Ordinal));
}
