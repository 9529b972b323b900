namespace LayerCake.Runtime;

/// <summary>What a loaded model holds, in bytes unless said otherwise.</summary>
/// <param name="WeightBytes">Weights as they lie in memory: int4 packed.</param>
/// <param name="CacheBytesPerToken">Keys and values of one token, all layers.</param>
/// <param name="CacheBlockBytes">One block of the KV cache.</param>
/// <param name="CacheBlockLimit">The most blocks the cache may have.</param>
/// <param name="CacheBlocksInUse">Blocks that hold a session's tokens now.</param>
/// <param name="CacheBlocksAllocated">Blocks taken from the device so far; free ones are kept for the next session.</param>
/// <param name="ActiveRequests">Calls that are running or wait.</param>
public sealed record MemoryUsage(
    long WeightBytes, long CacheBytesPerToken, long CacheBlockBytes, int CacheBlockLimit, int CacheBlocksInUse, int CacheBlocksAllocated, int ActiveRequests);
