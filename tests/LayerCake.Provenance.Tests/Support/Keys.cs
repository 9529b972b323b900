using System.Security.Cryptography;

namespace LayerCake.Provenance.Tests;

/// <summary>Keys of the tests' own, made once.</summary>
internal static class Keys
{
    public static SigningKey P256 { get; } = Make(ECCurve.NamedCurves.nistP256);

    public static SigningKey P384 { get; } = Make(ECCurve.NamedCurves.nistP384);

    public static SigningKey P521 { get; } = Make(ECCurve.NamedCurves.nistP521);

    public static SigningKey Make(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        return SigningKey.Parse(key.ExportPkcs8PrivateKeyPem(), "a key");
    }
}
