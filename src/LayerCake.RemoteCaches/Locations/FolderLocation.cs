namespace LayerCake.RemoteCaches;

/// <summary>A folder that several machines see.</summary>
/// <param name="Folder">Its full path.</param>
internal sealed record FolderLocation(string Folder)
{
    public static FolderLocation Parse(string location)
    {
        if (string.IsNullOrWhiteSpace(location) || location.Contains('\0', StringComparison.Ordinal))
        {
            throw Error(location, "it is empty");
        }

        if (location.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
        {
            if (!Uri.TryCreate(location, UriKind.Absolute, out var uri) || uri.Host.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
                || !location.StartsWith("file:///", StringComparison.OrdinalIgnoreCase))
            {
                throw Error(location, "write file:///PATH with three slashes, a folder of this machine");
            }

            return new FolderLocation(Path.GetFullPath(uri.LocalPath));
        }

        // A drive has a colon too, but not "://"; a path may have a colon further on.
        var colon = location.IndexOf(':', StringComparison.Ordinal);
        if (colon > 0 && location[..colon].All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.')
            && (location.AsSpan(colon).StartsWith("://") || location[..colon].ToLowerInvariant() is "s3" or "http" or "https"))
        {
            throw Error(location, "known are s3://BUCKET/PREFIX, https://HOST/PATH, http://HOST/PATH, file:///PATH and the path of a folder");
        }

        return new FolderLocation(Path.GetFullPath(location));
    }

    private static RemoteLocationException Error(string location, string advice) =>
        new($"cannot use the cache location '{LocationText.Printable(location)}': {advice}");
}
