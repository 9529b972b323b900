using System.Security.Cryptography;
using System.Text;

namespace LayerCake.Provenance;

/// <summary>A public key on P-256, P-384 or P-521.</summary>
public sealed class VerificationKey
{
    private readonly ECParameters _key;
    private readonly EcCurve _curve;

    internal VerificationKey(ECParameters key, EcCurve curve)
    {
        _key = new ECParameters { Curve = key.Curve, Q = key.Q };
        _curve = curve;
        using var ecdsa = ECDsa.Create(_key);

        // PemEncoding ends without a line feed, which PEM files have.
        Pem = ecdsa.ExportSubjectPublicKeyInfoPem() + "\n";
        Hint = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Pem)));
    }

    /// <summary>The key as a PEM file holds it.</summary>
    public string Pem { get; }

    /// <summary>SHA-256 of the PEM file, in hexadecimal: what signatures name the key by.</summary>
    public string Hint { get; }

    /// <summary><c>P-256</c>, <c>P-384</c> or <c>P-521</c>.</summary>
    public string Curve => _curve.Name;

    /// <exception cref="ProvenanceException">The file is no public key on one of the curves.</exception>
    public static VerificationKey Load(string path) => Parse(PemKeys.ReadFile(path), path);

    /// <param name="pem">The PEM text.</param>
    /// <param name="what">What the text is, in messages.</param>
    /// <exception cref="ProvenanceException">The text is no public key on one of the curves.</exception>
    public static VerificationKey Parse(string pem, string what)
    {
        var (key, curve) = PemKeys.ReadPublic(pem, what);
        return new VerificationKey(key, curve);
    }

    /// <summary>Whether the signature (ASN.1 DER) is this key's over the bytes.</summary>
    internal bool Verify(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature)
    {
        try
        {
            using var ecdsa = ECDsa.Create(_key);
            return ecdsa.VerifyData(bytes, signature, _curve.Hash, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            // The signature is not DER.
            return false;
        }
    }
}
