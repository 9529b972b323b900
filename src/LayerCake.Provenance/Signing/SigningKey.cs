using System.Security.Cryptography;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Asn1.Sec;
using Org.BouncyCastle.Math;

namespace LayerCake.Provenance;

/// <summary>
/// A private key on P-256, P-384 or P-521. Signatures are deterministic (RFC 6979): the same bytes and key give the same signature, so that signed packages
/// stay reproducible, and no bad random number can give the key away.
/// </summary>
public sealed class SigningKey
{
    private readonly ECPrivateKeyParameters _key;
    private readonly EcCurve _curve;

    private SigningKey(ECParameters key, EcCurve curve)
    {
        _curve = curve;
        _key = new ECPrivateKeyParameters(new BigInteger(1, key.D), ECDomainParameters.FromX9ECParameters(SecNamedCurves.GetByName(curve.BouncyCastleName)));
        PublicKey = new VerificationKey(key, curve);
    }

    public VerificationKey PublicKey { get; }

    /// <param name="path">A PEM file.</param>
    /// <param name="password">Of an encrypted key; else not looked at.</param>
    /// <exception cref="ProvenanceException">The file is no private key on one of the curves, or the password is wrong.</exception>
    public static SigningKey Load(string path, string? password = null) => Parse(PemKeys.ReadFile(path), path, password);

    /// <param name="pem">The PEM text.</param>
    /// <param name="what">What the text is, in messages.</param>
    /// <param name="password">Of an encrypted key; else not looked at.</param>
    /// <exception cref="ProvenanceException">The text is no private key on one of the curves, or the password is wrong.</exception>
    public static SigningKey Parse(string pem, string what, string? password = null)
    {
        var (key, curve) = PemKeys.ReadPrivate(pem, password, what);
        return new SigningKey(key, curve);
    }

    /// <summary>The signature, in ASN.1 DER.</summary>
    internal byte[] Sign(ReadOnlySpan<byte> bytes)
    {
        IDigest digest = _curve.Bits switch
        {
            256 => new Sha256Digest(),
            384 => new Sha384Digest(),
            _ => new Sha512Digest(),
        };
        var signer = new ECDsaSigner(new HMacDsaKCalculator(digest));
        signer.Init(forSigning: true, _key);
        var parts = signer.GenerateSignature(CryptographicOperations.HashData(_curve.Hash, bytes));
        return new DerSequence(new DerInteger(parts[0]), new DerInteger(parts[1])).GetEncoded(Asn1Encodable.Der);
    }
}
