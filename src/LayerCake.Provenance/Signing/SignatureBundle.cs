using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>A Sigstore bundle v0.3 that holds one DSSE envelope and names the public key that signed it.</summary>
/// <param name="KeyHint">What the bundle calls the key; null where it says nothing.</param>
/// <param name="PayloadType">The media type of the payload.</param>
/// <param name="Payload">The signed bytes.</param>
/// <param name="Signature">The signature, in ASN.1 DER.</param>
internal sealed record SignatureBundle(string? KeyHint, string PayloadType, byte[] Payload, byte[] Signature)
{
    private const string MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

    /// <summary>The spelling that bundles of version 0.3 had before.</summary>
    private const string EarlierMediaType = "application/vnd.dev.sigstore.bundle+json;version=0.3";

    private const string What = $"the signature {PackageFiles.Signature}";

    public byte[] ToJson() => JsonBytes.Indented(json =>
    {
        json.WriteString("mediaType", MediaType);
        json.WriteObject("verificationMaterial", () =>
        {
            json.WriteObject("publicKey", () => json.WriteString("hint", KeyHint));
            json.WriteArray("tlogEntries", () => { });
        });
        json.WriteObject("dsseEnvelope", () =>
        {
            json.WriteBase64String("payload", Payload);
            json.WriteString("payloadType", PayloadType);
            json.WriteArray("signatures", () => json.WriteItem(() =>
            {
                json.WriteBase64String("sig", Signature);
                json.WriteString("keyid", "");
            }));
        });
    });

    /// <exception cref="ProvenanceException">The bytes are no such bundle; the message says why.</exception>
    public static SignatureBundle Parse(ReadOnlyMemory<byte> bytes)
    {
        var root = ForeignJson.Parse(bytes, What);
        var mediaType = root.Text("mediaType", What);
        if (mediaType is not (MediaType or EarlierMediaType))
        {
            throw new ProvenanceException($"{What} has the media type '{PackagePath.Printable(mediaType)}'; a Sigstore bundle of version 0.3 is needed ({MediaType})");
        }

        var material = root.Object("verificationMaterial", What);
        if (material.Optional("publicKey", JsonValueKind.Object, What) is not { } publicKey)
        {
            throw new ProvenanceException($"{What} was made with a certificate or an identity, not with a key: it cannot be checked offline against a public key");
        }

        var envelope = root.Object("dsseEnvelope", What);
        var signatures = envelope.List("signatures", What).ToList();
        if (signatures.Count != 1)
        {
            throw new ProvenanceException($"{What} has {signatures.Count} signatures in its envelope; the format has exactly one");
        }

        return new SignatureBundle(
            publicKey.OptionalText("hint", What), envelope.Text("payloadType", What), Bytes(envelope, "payload"), Bytes(signatures[0], "sig"));
    }

    private static byte[] Bytes(JsonElement element, string name)
    {
        var text = element.Text(name, What);
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException exception)
        {
            throw new ProvenanceException($"{What}: '{name}' is not base64: it was cut off or changed", exception);
        }
    }
}
