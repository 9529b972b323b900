namespace LayerCake.Building.TestHost;

/// <summary>A remote cache in a folder, without any care: what it is given, it has. For tests of what a build makes of it.</summary>
public sealed class SimpleCache(string folder) : IRemoteCache
{
    public string Name => "test://cache";

    public string EntryPath(Digest key) => Path.Combine(folder, $"entry-{key}");

    public string ContentPath(Digest digest) => Path.Combine(folder, $"content-{digest}");

    public async Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token) =>
        File.Exists(EntryPath(key)) ? await File.ReadAllBytesAsync(EntryPath(key), token) : null;

    public Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token) => WriteAsync(EntryPath(key), new MemoryStream(content.ToArray()), token);

    public async Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        if (!File.Exists(ContentPath(digest)))
        {
            return false;
        }

        await using var content = File.OpenRead(ContentPath(digest));
        await using var to = open();
        await content.CopyToAsync(to, token);
        return true;
    }

    public Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token) =>
        Task.FromResult<IReadOnlyList<Digest>>([.. contents.Select(content => content.Key).Where(digest => !File.Exists(ContentPath(digest)))]);

    public async Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        await using var content = open();
        await WriteAsync(ContentPath(digest), content, token);
    }

    public void Dispose()
    {
    }

    private async Task WriteAsync(string path, Stream content, CancellationToken token)
    {
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $"tmp-{Guid.NewGuid():n}");
        await using (var stream = File.Create(temporary))
        {
            await content.CopyToAsync(stream, token);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
