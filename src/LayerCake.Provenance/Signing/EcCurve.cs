using System.Security.Cryptography;

namespace LayerCake.Provenance;

/// <summary>The three curves of OpenSSF Model Signing, each with the hash that goes with its size.</summary>
internal sealed record EcCurve(string Name, string Oid, string BouncyCastleName, int Bits, HashAlgorithmName Hash)
{
    public static IReadOnlyList<EcCurve> All { get; } =
    [
        new("P-256", "1.2.840.10045.3.1.7", "secp256r1", 256, HashAlgorithmName.SHA256),
        new("P-384", "1.3.132.0.34", "secp384r1", 384, HashAlgorithmName.SHA384),
        new("P-521", "1.3.132.0.35", "secp521r1", 521, HashAlgorithmName.SHA512),
    ];

    /// <summary>The curve of a key; null where it is none of the three.</summary>
    public static EcCurve? Of(ECParameters parameters)
    {
        if (!parameters.Curve.IsNamed)
        {
            return null;
        }

        // Some systems say a name and no identifier.
        var oid = parameters.Curve.Oid;
        return All.FirstOrDefault(curve => curve.Oid == oid.Value || (oid.Value is null && oid.FriendlyName is { } name && NameMatches(curve, name)));
    }

    private static bool NameMatches(EcCurve curve, string name) =>
        name.Equals($"nistP{curve.Bits}", StringComparison.OrdinalIgnoreCase) || name.Equals($"ECDSA_P{curve.Bits}", StringComparison.OrdinalIgnoreCase);
}
