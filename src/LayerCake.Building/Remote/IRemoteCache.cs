namespace LayerCake.Building;

/// <summary>
/// A place outside this machine where results are shared: content by digest, small entries by key. It is never trusted: whoever reads from it checks every
/// byte. Implementations retry what may pass (bounded, with timeouts) and throw <see cref="RemoteCacheException"/> when they give up.
/// </summary>
/// <remarks>Safe to use from several threads at once.</remarks>
public interface IRemoteCache : IDisposable
{
    /// <summary>What people call it, without credentials: <c>s3://bucket/prefix</c>, <c>https://host/cache</c>.</summary>
    string Name { get; }

    /// <summary>The entry of a key; null where there is none. An entry longer than <paramref name="maxBytes"/> is an error, and is not read into memory.</summary>
    Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token);

    /// <summary>Writes the entry of a key, over an older one; others see the old or the new one, never a part.</summary>
    Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token);

    /// <summary>
    /// Writes content to a stream that <paramref name="open"/> makes; a retry opens a new one, from the start. False where it is not there. The bytes are
    /// not checked here, but no more than <paramref name="size"/> of them are written.
    /// </summary>
    Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token);

    /// <summary>Which of these contents are not there. Presence says nothing about their bytes.</summary>
    Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token);

    /// <summary>Writes content of <paramref name="size"/> bytes, which <paramref name="open"/> reads from the start; others see it whole or not at all.</summary>
    Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token);
}
