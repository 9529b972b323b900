using System.Text;

namespace LayerCake.Provenance;

/// <summary>Reads SHA256SUMS as <c>sha256sum</c> writes it.</summary>
internal static class ChecksumList
{
    private const string What = PackageFiles.Checksums;
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <returns>Digests by path.</returns>
    /// <exception cref="ProvenanceException">A line is none of the form, a name cannot be in a package or is there twice.</exception>
    public static SortedDictionary<string, string> Parse(ReadOnlySpan<byte> bytes)
    {
        string text;
        try
        {
            text = s_utf8.GetString(bytes);
        }
        catch (ArgumentException exception)
        {
            throw new ProvenanceException($"{What} is not UTF-8: it was changed", exception);
        }

        if (text.Length > 0 && text[^1] != '\n')
        {
            throw new ProvenanceException($"{What} ends in the middle of a line: it was cut off");
        }

        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var range in text.AsSpan().TrimEnd('\n').Split('\n'))
        {
            number++;
            var line = text[range];
            if (line.Length == 0 && text.Length == 0)
            {
                continue;
            }

            // A backslash first means an escaped name, which the rule for names refuses in any case.
            if (line.Length < 67 || !PackageFile.IsDigest(line[..64]) || line[64] != ' ' || line[65] is not (' ' or '*'))
            {
                throw new ProvenanceException($"{What}, line {number}: not a digest, two spaces and a name");
            }

            var path = line[66..];
            if (PackagePath.FaultOf(path) is { } fault)
            {
                throw new ProvenanceException($"{What}, line {number}: the name '{PackagePath.Printable(path)}' cannot be in a package: {fault}");
            }

            if (!digests.TryAdd(path, line[..64]))
            {
                throw new ProvenanceException($"{What}, line {number}: '{PackagePath.Printable(path)}' is there twice");
            }
        }

        return digests;
    }
}
