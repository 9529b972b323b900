using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>Opens the places where results are shared between machines.</summary>
public static class RemoteCaches
{
    /// <summary>
    /// Opens the cache at a location, without talking to it:
    /// <list type="bullet">
    /// <item><c>s3://bucket/prefix</c>: an S3 API; endpoint, region and credentials come from the usual <c>AWS_…</c> variables and profiles;</item>
    /// <item><c>https://host/path</c> or <c>http://…</c>: a server of Bazel's HTTP shape, <c>/ac/</c> and <c>/cas/</c>; a user and password stand in the
    /// URL, any other header in <c>LAYERCAKE_CACHE_HEADER</c>;</item>
    /// <item>a folder, <c>/mnt/share/cache</c> or <c>file:///mnt/share/cache</c>.</item>
    /// </list>
    /// </summary>
    /// <param name="location">One of the above.</param>
    /// <param name="options">Timeouts, retries and where settings are read; the defaults where null.</param>
    /// <exception cref="RemoteLocationException">The location, or a setting that belongs to it, cannot be understood.</exception>
    public static IRemoteCache Open(string location, RemoteCacheOptions? options = null)
    {
        options ??= new RemoteCacheOptions();
        options.Check();
        if (location.StartsWith("s3://", StringComparison.OrdinalIgnoreCase))
        {
            return new S3Cache(S3Location.Parse(location), S3Settings.Read(options.Environment), options);
        }

        if (location.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || location.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
        {
            return new HttpCache(HttpLocation.Parse(location, options.Environment), options);
        }

        return new FolderCache(FolderLocation.Parse(location), options);
    }
}
