using System.Text;

namespace LayerCake.Provenance;

/// <summary>Rules for names that come from outside: archives, lists, statements.</summary>
internal static class PackagePath
{
    // The limits of Linux: PATH_MAX and NAME_MAX.
    private const int MaxBytes = 4096;
    private const int MaxSegmentBytes = 255;

    /// <summary>Why a path may not be used below a folder; null where it may: relative, forward slashes, no <c>.</c> or <c>..</c>, nothing invisible.</summary>
    public static string? FaultOf(string path)
    {
        if (path.Length == 0)
        {
            return "it is empty";
        }

        if (path[0] == '/' || (path.Length > 1 && path[1] == ':' && char.IsAsciiLetter(path[0])))
        {
            return "it is absolute";
        }

        foreach (var range in path.AsSpan().Split('/'))
        {
            var segment = path.AsSpan(range);
            if (segment.Length == 0 || segment is "." or "..")
            {
                return segment.Length == 0 ? "it has an empty segment" : $"it has a segment '{segment}'";
            }

            if (Encoding.UTF8.GetByteCount(segment) > MaxSegmentBytes)
            {
                return $"a segment is longer than {MaxSegmentBytes} bytes";
            }
        }

        return CharacterFault(path) ?? (Encoding.UTF8.GetByteCount(path) > MaxBytes ? $"it is longer than {MaxBytes} bytes" : null);
    }

    /// <summary>
    /// Why a link's target may not be followed; null where it stays in the package: <c>..</c> only at its start, at most as often as the link is deep.
    /// </summary>
    public static string? LinkFaultOf(string path, string target)
    {
        var depth = path.AsSpan().Count('/');
        var rest = target;
        while (rest.StartsWith("../", StringComparison.Ordinal))
        {
            rest = rest[3..];
            depth--;
        }

        return depth < 0 ? "it leads out of the package" : FaultOf(rest) is { } fault ? $"its target is not a path within the package: {fault}" : null;
    }

    /// <summary>The text with what a terminal would act on replaced, and cut.</summary>
    public static string Printable(string text)
    {
        const int longest = 300;
        var shown = new StringBuilder(Math.Min(text.Length, longest) + 1);
        foreach (var rune in text.EnumerateRunes())
        {
            shown.Append(Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.Format ? "\uFFFD" : rune.ToString());
            if (shown.Length >= longest)
            {
                return shown.Append('…').ToString();
            }
        }

        return shown.ToString();
    }

    private static string? CharacterFault(string path)
    {
        for (var i = 0; i < path.Length; i++)
        {
            if (char.IsControl(path[i]))
            {
                return "it has a control character";
            }

            if (path[i] == '\\')
            {
                return "it has a backslash";
            }

            if (char.IsHighSurrogate(path[i]) && i + 1 < path.Length && char.IsLowSurrogate(path[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(path[i]) || path[i] == '\uFFFD')
            {
                return "it is not valid Unicode";
            }
        }

        return null;
    }
}
