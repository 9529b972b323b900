namespace LayerCake.Provenance;

/// <summary>OpenSSF Model Signing v1.0 signatures with a key: what lies in a package as <see cref="PackageFiles.Signature"/>.</summary>
public static class ModelSignature
{
    /// <summary>The signature over a folder's files.</summary>
    /// <param name="key">Who signs.</param>
    /// <param name="name">Name of the model.</param>
    /// <param name="files">All files but the signature; a link to a file is there as the file it stands for.</param>
    /// <param name="links">All symbolic links; each must lead to something within the folder.</param>
    /// <returns>A Sigstore bundle, in JSON; the same for the same key and content.</returns>
    /// <exception cref="ProvenanceException">A name cannot be signed, or a link leads out of the folder.</exception>
    public static byte[] Sign(SigningKey key, string name, IReadOnlyList<PackageFile> files, IReadOnlyList<PackageLink> links)
    {
        var statement = new ModelStatement
        {
            ModelName = name,
            Resources = [.. files.Where(file => file.Path != PackageFiles.Signature).OrderBy(file => file.Path, StringComparer.Ordinal).Select(Checked)],
            AllowSymlinks = links.Count > 0,
            IgnorePaths = [PackageFiles.Signature],
            Links = [.. links.OrderBy(link => link.Path, StringComparer.Ordinal).Select(Checked)],
        };
        var payload = statement.ToJson();
        var signature = key.Sign(Dsse.PreAuthenticationEncoding(Dsse.InTotoPayload, payload));
        return new SignatureBundle(key.PublicKey.Hint, Dsse.InTotoPayload, payload, signature).ToJson();
    }

    /// <summary>The signature over a folder as it was read.</summary>
    /// <param name="key">Who signs.</param>
    /// <param name="name">Name of the model.</param>
    /// <param name="inventory">The folder.</param>
    /// <exception cref="ProvenanceException">Something in the folder cannot be signed; the message names it.</exception>
    public static byte[] Sign(SigningKey key, string name, PackageInventory inventory) => inventory.Faults is [var fault, ..]
        ? throw new ProvenanceException($"{inventory.Source} cannot be signed: {fault}")
        : Sign(key, name, [.. inventory.Files, .. inventory.LinkedFiles()], inventory.Links);

    /// <summary>The statement of a signature, once the signature is found to be the key's.</summary>
    /// <exception cref="ProvenanceException">It is damaged, is another key's, or is none of this format.</exception>
    internal static ModelStatement Open(ReadOnlyMemory<byte> bundleBytes, VerificationKey key)
    {
        var bundle = SignatureBundle.Parse(bundleBytes);
        if (bundle.PayloadType != Dsse.InTotoPayload)
        {
            throw new ProvenanceException(
                $"the signature {PackageFiles.Signature} signs a '{PackagePath.Printable(bundle.PayloadType)}'; '{Dsse.InTotoPayload}' is needed");
        }

        // The hint only serves the message: what counts is the signature itself.
        var otherKey = bundle.KeyHint is { Length: > 0 } hint && hint != key.Hint;
        if (!key.Verify(Dsse.PreAuthenticationEncoding(bundle.PayloadType, bundle.Payload), bundle.Signature))
        {
            throw new ProvenanceException(otherKey
                ? $"the signature {PackageFiles.Signature} was made with another key: it names {PackagePath.Printable(bundle.KeyHint!)}, the key given is {key.Hint}"
                : $"the signature {PackageFiles.Signature} is not this key's signature of its statement: the statement or the signature was changed");
        }

        return otherKey
            ? throw new ProvenanceException($"the signature {PackageFiles.Signature} names the key {PackagePath.Printable(bundle.KeyHint!)}, but is one of {key.Hint}: it was changed")
            : ModelStatement.Parse(bundle.Payload);
    }

    private static (string, string) Checked(PackageFile file) => PackagePath.FaultOf(file.Path) is { } fault
        ? throw new ProvenanceException($"the file '{PackagePath.Printable(file.Path)}' cannot be signed: {fault}; rename it")
        : (file.Path, file.Sha256);

    private static PackageLink Checked(PackageLink link) => (PackagePath.FaultOf(link.Path) ?? PackagePath.LinkFaultOf(link.Path, link.Target)) is { } fault
        ? throw new ProvenanceException($"the link '{PackagePath.Printable(link.Path)}' -> '{PackagePath.Printable(link.Target)}' cannot be signed: {fault}; remove it")
        : link;
}
