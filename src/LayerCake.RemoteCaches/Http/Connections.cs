using System.Net;

namespace LayerCake.RemoteCaches;

/// <summary>How connections to any server are made and kept.</summary>
internal static class Connections
{
    /// <summary>
    /// A client that reuses connections, obeys the usual proxy variables, follows no redirect by itself and sets no limit on a whole transfer (each request has its
    /// idle timer).
    /// </summary>
    public static HttpClient Create(RemoteCacheOptions options) => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = options.ConnectTimeout,
        MaxConnectionsPerServer = Math.Max(options.QuestionsAtOnce, options.PartsAtOnce),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        UseCookies = false,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };
}
