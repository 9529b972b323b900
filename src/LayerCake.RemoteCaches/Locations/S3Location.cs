using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>A bucket and the prefix of its keys that belongs to the cache.</summary>
/// <param name="Bucket">Name of the bucket.</param>
/// <param name="Prefix">Without a slash at its ends; empty for the whole bucket.</param>
internal sealed record S3Location(string Bucket, string Prefix)
{
    /// <summary>The version of the entries' format, a part of their keys: another version does not see them.</summary>
    private const string EntryFormat = "1";

    public string Name => Prefix.Length == 0 ? $"s3://{Bucket}" : $"s3://{Bucket}/{Prefix}";

    public static S3Location Parse(string location)
    {
        var rest = location["s3://".Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var bucket = slash < 0 ? rest : rest[..slash];
        var prefix = slash < 0 ? "" : rest[(slash + 1)..].Trim('/');
        if (bucket.Contains('@', StringComparison.Ordinal))
        {
            throw Error(location, "credentials do not belong into an s3:// location; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
        }

        if (bucket.Length is < 3 or > 63 || !bucket.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') || bucket.Contains("..", StringComparison.Ordinal))
        {
            throw Error(location, "write s3://BUCKET/PREFIX, the bucket with 3 to 63 letters, digits, dots and hyphens");
        }

        // A key may be 1024 bytes long; ours add less than 100 to the prefix.
        if (prefix.Length > 900 || prefix.Split('/').Any(part => part is "." or "..") || prefix.Contains("//", StringComparison.Ordinal)
            || !prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '=' or '+' or '!'))
        {
            throw Error(location, "the prefix takes letters, digits and . - _ = + ! between single slashes, and no part that is . or ..");
        }

        return new S3Location(bucket, prefix);
    }

    public string ContentKey(Digest digest)
    {
        var hex = digest.ToString();
        return Below($"cas/sha256/{hex[..2]}/{hex}");
    }

    public string EntryKey(Digest key) => Below($"ac/{EntryFormat}/{key}.json");

    private string Below(string key) => Prefix.Length == 0 ? key : $"{Prefix}/{key}";

    private static RemoteLocationException Error(string location, string advice) =>
        new($"cannot use the cache location '{LocationText.Printable(location)}': {advice}");
}
