using System.Text;

namespace LayerCake.Provenance;

/// <summary>The Dead Simple Signing Envelope, version 1.</summary>
internal static class Dsse
{
    public const string InTotoPayload = "application/vnd.in-toto+json";

    /// <summary>What is signed (PAE): <c>DSSEv1 length type length payload</c>, lengths in bytes as decimal numbers.</summary>
    public static byte[] PreAuthenticationEncoding(string payloadType, ReadOnlySpan<byte> payload)
    {
        var head = Encoding.UTF8.GetBytes($"DSSEv1 {Encoding.UTF8.GetByteCount(payloadType)} {payloadType} {payload.Length} ");
        return [.. head, .. payload];
    }
}
