namespace LayerCake.RemoteCaches.Tests;

/// <summary>The same tests for every kind of cache: what they promise is the same.</summary>
internal enum CacheKind
{
    Folder,
    S3,
    Http,
    HttpWithPassword,
}

internal static class CacheKinds
{
    /// <summary>Opens a cache of a kind, on the servers that all tests share.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="folder">Where a folder cache may be.</param>
    public static IRemoteCache Open(this CacheKind kind, string folder) => kind switch
    {
        CacheKind.Folder => RemoteCaches.Open(folder, Reading.Impatient()),
        _ => kind.Open(CacheServers.Shared),
    };

    public static IRemoteCache Open(this CacheKind kind, CacheServers servers) => kind switch
    {
        // Parts of 5 MiB, the least that S3 allows, so that small content takes many.
        CacheKind.S3 => RemoteCaches.Open(servers.S3 + "/team/cache", Reading.Impatient(servers.S3Environment) with { MultipartThreshold = 8 << 20, PartSize = 5 << 20 }),
        CacheKind.Http => RemoteCaches.Open(servers.Http, Reading.Impatient()),
        CacheKind.HttpWithPassword => RemoteCaches.Open(servers.HttpPrivate, Reading.Impatient()),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
