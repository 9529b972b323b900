namespace LayerCake.RemoteCaches.Tests;

internal static class Reading
{
    /// <summary>What a cache gives for a digest, of each try the last one's bytes; null where it has none.</summary>
    public static async Task<byte[]?> GetAsync(this IRemoteCache cache, Digest digest, long size, CancellationToken token = default)
    {
        MemoryStream? got = null;
        return await cache.GetContentAsync(digest, size, () => got = new MemoryStream(), token) ? got!.ToArray() : null;
    }

    public static Task PutAsync(this IRemoteCache cache, Contents contents) => cache.PutContentAsync(contents.Digest, contents.Size, contents.Open, CancellationToken.None);

    /// <summary>Options that do not make a test wait.</summary>
    public static RemoteCacheOptions Impatient(IReadOnlyDictionary<string, string>? environment = null) => new()
    {
        FirstDelay = TimeSpan.FromMilliseconds(1),
        LongestDelay = TimeSpan.FromMilliseconds(5),
        Environment = name => environment?.GetValueOrDefault(name),
    };
}
