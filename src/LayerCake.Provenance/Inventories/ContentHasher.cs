using System.Buffers;
using System.Security.Cryptography;

namespace LayerCake.Provenance;

/// <summary>Digests of streams of any length in two blocks of memory: the next block is read while the last one is hashed.</summary>
internal static class ContentHasher
{
    public const int BlockBytes = 1 << 20;

    public static (string Sha256, long Length) HashFile(string path, CancellationToken token)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        var offset = 0L;
        return Hash(
            block =>
            {
                var count = RandomAccess.Read(handle, block.Span, offset);
                offset += count;
                return count;
            },
            RandomAccess.GetLength(handle),
            token);
    }

    /// <param name="read">Fills a block and says with how many bytes; 0 at the end.</param>
    /// <param name="expected">About how long it is: what fits a block needs no second thread.</param>
    /// <param name="token">Ends the reading.</param>
    private static (string Sha256, long Length) Hash(Func<Memory<byte>, int> read, long expected, CancellationToken token)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var current = ArrayPool<byte>.Shared.Rent(BlockBytes);
        var next = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            var length = 0L;
            var count = read(current.AsMemory(0, BlockBytes));
            while (count > 0)
            {
                token.ThrowIfCancellationRequested();
                length += count;
                var into = next.AsMemory(0, BlockBytes);
                var reading = length < expected ? Task.Run(() => read(into), CancellationToken.None) : null;
                try
                {
                    sha.AppendData(current.AsSpan(0, count));
                }
                finally
                {
                    // The buffer goes back to the pool below; nobody may still read into it.
                    count = reading?.GetAwaiter().GetResult() ?? read(into);
                }

                (current, next) = (next, current);
            }

            return (Convert.ToHexStringLower(sha.GetHashAndReset()), length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(current);
            ArrayPool<byte>.Shared.Return(next);
        }
    }
}
