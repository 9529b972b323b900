using System.Buffers;
using System.Security.Cryptography;

namespace LayerCake.Building;

/// <summary>Digests of files, read in blocks; memory stays at two blocks per file.</summary>
internal static class FileHasher
{
    private const int BlockBytes = 1 << 20;

    /// <summary>
    /// Hashes the file and, where <paramref name="copy"/> is given, writes it there on the way. The next block is read while the last one is
    /// hashed: SHA-256 runs at about 1.6 GB/s a core, and reading must not be added to that.
    /// </summary>
    public static Digest Hash(string path, Stream? copy, CancellationToken token)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var length = RandomAccess.GetLength(handle);
        var current = ArrayPool<byte>.Shared.Rent(BlockBytes);
        var next = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            long offset = 0;
            var count = RandomAccess.Read(handle, current.AsSpan(0, BlockBytes), 0);
            while (count > 0)
            {
                token.ThrowIfCancellationRequested();
                offset += count;
                var at = offset;
                var into = next;
                // A small file, or its last block: no thread is worth it.
                var reading = at + BlockBytes < length ? Task.Run(() => RandomAccess.Read(handle, into.AsSpan(0, BlockBytes), at), CancellationToken.None) : null;
                try
                {
                    sha.AppendData(current.AsSpan(0, count));
                    copy?.Write(current.AsSpan(0, count));
                }
                finally
                {
                    // The buffer goes back to the pool below; nobody may still read into it.
                    count = reading?.GetAwaiter().GetResult() ?? RandomAccess.Read(handle, next.AsSpan(0, BlockBytes), at);
                }

                (current, next) = (next, current);
            }

            Span<byte> hash = stackalloc byte[Digest.ByteLength];
            sha.GetHashAndReset(hash);
            return new Digest(hash);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(current);
            ArrayPool<byte>.Shared.Return(next);
        }
    }
}
