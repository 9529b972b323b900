namespace LayerCake.RemoteCaches;

/// <summary>What the readers of locations share.</summary>
internal static class LocationText
{
    /// <summary>A location as it may be printed: what stands before an <c>@</c> in the authority is a secret, and control characters are not for terminals.</summary>
    public static string Printable(string location)
    {
        var start = location.IndexOf("://", StringComparison.Ordinal);
        start = start < 0 ? 0 : start + 3;
        var end = location.IndexOfAny(['/', '?', '#'], start);
        var at = location.LastIndexOf('@', (end < 0 ? location.Length : end) - 1);
        if (location.Length > 0 && at >= start && start > 0)
        {
            location = location[..start] + "***" + location[at..];
        }

        return Plain(location, 200);
    }

    /// <summary>Text from outside for a message: no control characters, not longer than <paramref name="length"/>.</summary>
    public static string Plain(string text, int length)
    {
        var plain = string.Concat(text.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c).Take(length));
        return text.Length > length ? plain + "…" : plain;
    }
}
