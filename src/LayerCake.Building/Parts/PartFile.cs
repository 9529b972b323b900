using System.Buffers;
using System.Security.Cryptography;

namespace LayerCake.Building;

/// <summary>
/// A part's file: eight bytes that say what it is, the 32 bytes of its key, its content, and the SHA-256 of all before. It is read whole before anything of it is
/// used.
/// </summary>
internal static class PartFile
{
    public const int HeaderBytes = 8 + Digest.ByteLength;

    private const int PieceBytes = 1 << 20;

    private static ReadOnlySpan<byte> Magic => "LCPART\u0001\n"u8;

    public static void WriteHeader(Span<byte> header, StepKey key)
    {
        Magic.CopyTo(header);
        key.Value.CopyTo(header[Magic.Length..]);
    }

    /// <summary>The content of a part, once the digest is found right.</summary>
    /// <exception cref="FormatException">It is damaged, or another part; the message says which.</exception>
    public static Stream Open(string path, StepKey key)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.SequentialScan);
        try
        {
            var length = file.Length - HeaderBytes - Digest.ByteLength;
            if (length < 0)
            {
                throw new FormatException("it is cut short");
            }

            Check(file, key, length);
            return new PartContent(file, HeaderBytes, length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Check(FileStream file, StepKey key, long length)
    {
        Span<byte> wanted = stackalloc byte[HeaderBytes];
        Span<byte> header = stackalloc byte[HeaderBytes];
        WriteHeader(wanted, key);
        file.ReadExactly(header);
        if (!header.SequenceEqual(wanted))
        {
            throw new FormatException("it is not this part");
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (length > 0)
            {
                var count = (int)Math.Min(length, PieceBytes);
                file.ReadExactly(piece, 0, count);
                hash.AppendData(piece, 0, count);
                length -= count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        Span<byte> kept = stackalloc byte[Digest.ByteLength];
        Span<byte> digest = stackalloc byte[Digest.ByteLength];
        file.ReadExactly(kept);
        hash.GetHashAndReset(digest);
        if (!digest.SequenceEqual(kept))
        {
            throw new FormatException("it is damaged");
        }
    }
}
