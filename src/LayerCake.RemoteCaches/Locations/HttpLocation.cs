using System.Text;

namespace LayerCake.RemoteCaches;

/// <summary>A server of Bazel's HTTP cache shape, and the headers that let us in.</summary>
/// <param name="Root">Ends with a slash; without user and password.</param>
/// <param name="Headers">Sent with every request. Secrets: never printed, never recorded.</param>
internal sealed record HttpLocation(Uri Root, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    /// <summary>Names the variable whose value, <c>Name: value</c>, is sent as a header with every request.</summary>
    public const string HeaderVariable = "LAYERCAKE_CACHE_HEADER";

    /// <summary>Headers that say where a request ends or goes; one from outside would break the requests.</summary>
    private static readonly HashSet<string> s_ours = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Range", "Upgrade", "TE", "Trailer",
    };

    public string Name => Root.GetLeftPart(UriPartial.Path).TrimEnd('/');

    // A record prints its members; these are secrets.
    public override string ToString() => Name;

    public static HttpLocation Parse(string location, Func<string, string?> environment)
    {
        if (!Uri.TryCreate(location, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || location.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
        {
            throw Error(location, "write https://HOST/PATH");
        }

        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw Error(location, $"a query or fragment cannot be used; put a secret into {HeaderVariable} (\"Name: value\")");
        }

        var headers = new List<KeyValuePair<string, string>>();
        if (Header(environment(HeaderVariable)) is { } header)
        {
            headers.Add(header);
        }

        if (uri.UserInfo.Length > 0)
        {
            if (headers.Exists(each => each.Key.Equals("Authorization", StringComparison.OrdinalIgnoreCase)))
            {
                throw Error(location, $"it has a user and {HeaderVariable} has an Authorization header; keep one of them");
            }

            headers.Add(new("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(UserAndPassword(uri.UserInfo)))));
        }

        var root = new UriBuilder(uri) { UserName = "", Password = "", Path = uri.AbsolutePath.TrimEnd('/') + "/" };
        return new HttpLocation(root.Uri, headers);
    }

    private static string UserAndPassword(string userInfo)
    {
        var colon = userInfo.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? Uri.UnescapeDataString(userInfo) + ":"
            : Uri.UnescapeDataString(userInfo[..colon]) + ":" + Uri.UnescapeDataString(userInfo[(colon + 1)..]);
    }

    private static KeyValuePair<string, string>? Header(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? "" : text[..colon].Trim();
        var value = text[(colon + 1)..].Trim();
        using var probe = new HttpRequestMessage();
        if (name.Length == 0 || value.Length == 0 || s_ours.Contains(name) || !value.All(c => c is >= ' ' and <= '~')
            || !probe.Headers.TryAddWithoutValidation(name, value))
        {
            // The value may be a token with the name forgotten: nothing of it is shown.
            throw new RemoteLocationException($"cannot use the environment variable {HeaderVariable}: write one header, \"Name: value\", "
                + "for example \"Authorization: Bearer TOKEN\"");
        }

        return new(name, value);
    }

    private static RemoteLocationException Error(string location, string advice) =>
        new($"cannot use the cache location '{LocationText.Printable(location)}': {advice}");
}
