using System.Security.Cryptography;
using System.Text;

namespace LayerCake.TurboMind;

/// <summary>A file of a tree and its digest.</summary>
/// <param name="Path">Relative, with forward slashes.</param>
/// <param name="ByteCount">Size.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
public sealed record FileDigest(string Path, long ByteCount, string Sha256);

/// <summary>The file SHA256SUMS: every regular file of a tree, sorted by path, in the form <c>sha256sum -c</c> takes.</summary>
public static class Sha256Sums
{
    public const string FileName = "SHA256SUMS";

    private const int BufferBytes = 1 << 20;

    /// <summary>Digests every regular file below <paramref name="folder"/> (links and SHA256SUMS itself left out) and writes the list there.</summary>
    /// <returns>The digests, sorted by path (ordinal).</returns>
    public static IReadOnlyList<FileDigest> Write(string folder, CancellationToken cancellation = default)
    {
        var digests = Compute(folder, cancellation);
        OutputFile.WriteText(Path.Combine(folder, FileName), Format(digests));
        return digests;
    }

    public static IReadOnlyList<FileDigest> Compute(string folder, CancellationToken cancellation = default)
    {
        string[] paths;
        try
        {
            paths = [.. FolderTree.RegularFiles(folder).Where(path => path != FileName).Order(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{folder} cannot be read: {fault.Message}", fault);
        }

        var digests = new FileDigest[paths.Length];
        BlockWorkers.Run(
            paths.Length,
            Environment.ProcessorCount,
            static () => new BlockBuffers(),
            (index, buffers) => digests[index] = Digest(folder, paths[index], buffers, cancellation),
            cancellation);
        return digests;
    }

    /// <summary>The list's text. As sha256sum does, a name with a backslash or a line end is escaped and its line begins with a backslash.</summary>
    public static string Format(IEnumerable<FileDigest> digests)
    {
        var text = new StringBuilder();
        foreach (var digest in digests)
        {
            var escaped = digest.Path
                .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
            text.Append(escaped == digest.Path ? "" : "\\").Append(digest.Sha256).Append("  ").Append(escaped).Append('\n');
        }

        return text.ToString();
    }

    private static unsafe FileDigest Digest(string folder, string relative, BlockBuffers buffers, CancellationToken cancellation)
    {
        var path = Path.Combine(folder, relative);
        try
        {
            using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new Span<byte>(buffers.Get(0, BufferBytes), BufferBytes);
            long offset = 0;
            for (int read; (read = RandomAccess.Read(handle, buffer, offset)) > 0; offset += read)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(buffer[..read]);
            }

            return new FileDigest(relative, offset, Convert.ToHexStringLower(hash.GetCurrentHash()));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{path} cannot be read: {fault.Message}", fault);
        }
    }
}
