using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>A remote cache that behaves, except where a test says otherwise.</summary>
internal sealed class TwistedCache(string folder) : IRemoteCache
{
    private int _calls;

    public SimpleCache Inner { get; } = new(folder);

    public string Name => Inner.Name;

    /// <summary>How often it was asked for anything.</summary>
    public int Calls => _calls;

    /// <summary>Is called first, with what is asked.</summary>
    public Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public Func<byte[]?, byte[]?> Entry { get; set; } = entry => entry;

    /// <summary>Changes content on its way here.</summary>
    public Func<byte[], byte[]> Content { get; set; } = content => content;

    public async Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token)
    {
        await PassAsync("get entry", token);
        return Entry(await Inner.GetEntryAsync(key, maxBytes, token));
    }

    public async Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token)
    {
        await PassAsync("put entry", token);
        await Inner.PutEntryAsync(key, content, token);
    }

    public async Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        await PassAsync("get content", token);
        if (!File.Exists(Inner.ContentPath(digest)))
        {
            return false;
        }

        await using var stream = open();
        await stream.WriteAsync(Content(await File.ReadAllBytesAsync(Inner.ContentPath(digest), token)), token);
        return true;
    }

    public async Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token)
    {
        await PassAsync("find missing", token);
        return await Inner.FindMissingAsync(contents, token);
    }

    public async Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        await PassAsync("put content", token);
        await Inner.PutContentAsync(digest, size, open, token);
    }

    public void Dispose()
    {
    }

    private Task PassAsync(string call, CancellationToken token)
    {
        Interlocked.Increment(ref _calls);
        return Before(call, token);
    }
}
