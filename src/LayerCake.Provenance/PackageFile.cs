using System.Security.Cryptography;
using System.Text;

namespace LayerCake.Provenance;

/// <summary>A file and its content's digest.</summary>
/// <param name="Path">Relative to the package, with forward slashes.</param>
/// <param name="Sha256">64 lower-case hexadecimal digits.</param>
/// <param name="Size">Length in bytes.</param>
public sealed record PackageFile(string Path, string Sha256, long Size)
{
    /// <summary>
    /// One digest for many files: SHA-256 of the lines <c>digest, two spaces, path, line feed</c> sorted by path, which is what <c>sha256sum</c> prints and
    /// what in-toto calls <c>dirHash</c> (Go's <c>Hash1</c>).
    /// </summary>
    public static string TreeDigest(IEnumerable<(string Path, string Sha256)> files)
    {
        var lines = new StringBuilder();
        foreach (var (path, digest) in files.OrderBy(file => file.Path, StringComparer.Ordinal))
        {
            lines.Append(digest).Append("  ").Append(path).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
    }

    /// <summary>Whether the text is a SHA-256 digest in its one spelling.</summary>
    internal static bool IsDigest(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);
}
