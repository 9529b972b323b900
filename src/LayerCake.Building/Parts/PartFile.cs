using System.Buffers;
using System.IO.Hashing;

namespace LayerCake.Building;

/// <summary>
/// A part's file: eight bytes that say what it is, the 32 bytes of its key, its content, and the XXH128 of all before. It is read whole before anything of it is
/// used.
/// </summary>
/// <remarks>
/// The digest finds damage. It need not withstand somebody who makes two contents agree: whoever can write here can write a SHA-256 as well, which auto_awq,
/// with almost a gigabyte of parts for six seconds of work, would feel.
/// </remarks>
internal static class PartFile
{
    public const int HeaderBytes = 8 + Digest.ByteLength;

    public const int DigestBytes = 16;

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
            var length = file.Length - HeaderBytes - DigestBytes;
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

        var hash = new XxHash128();
        hash.Append(header);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (length > 0)
            {
                var count = (int)Math.Min(length, PieceBytes);
                file.ReadExactly(piece, 0, count);
                hash.Append(piece.AsSpan(0, count));
                length -= count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        Span<byte> kept = stackalloc byte[DigestBytes];
        Span<byte> digest = stackalloc byte[DigestBytes];
        file.ReadExactly(kept);
        hash.GetHashAndReset(digest);
        if (!digest.SequenceEqual(kept))
        {
            throw new FormatException("it is damaged");
        }
    }
}
