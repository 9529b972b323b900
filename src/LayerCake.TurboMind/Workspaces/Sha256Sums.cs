using System.Text;

namespace LayerCake.TurboMind;

/// <summary>A file of a tree and its digest.</summary>
/// <param name="Path">Relative, with forward slashes.</param>
/// <param name="ByteCount">Size.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
public sealed record FileDigest(string Path, long ByteCount, string Sha256);

/// <summary>The file SHA256SUMS: the regular files of a tree, sorted by path, in the form <c>sha256sum -c</c> takes.</summary>
public static class Sha256Sums
{
    public const string FileName = "SHA256SUMS";

    /// <summary>Writes the list into <paramref name="folder"/>.</summary>
    public static void Write(string folder, IEnumerable<FileDigest> digests) => OutputFile.WriteText(Path.Combine(folder, FileName), Format(digests));

    /// <summary>The list's text. As sha256sum does, a name with a backslash or a line end is escaped and its line begins with a backslash.</summary>
    public static string Format(IEnumerable<FileDigest> digests)
    {
        var text = new StringBuilder();
        foreach (var digest in digests.OrderBy(digest => digest.Path, StringComparer.Ordinal))
        {
            var escaped = digest.Path
                .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
            text.Append(escaped == digest.Path ? "" : "\\").Append(digest.Sha256).Append("  ").Append(escaped).Append('\n');
        }

        return text.ToString();
    }
}
