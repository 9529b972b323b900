using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>
/// A folder that several machines see: <c>cas/sha256/ab/HEX</c> and <c>ac/1/HEX.json</c>. What is written goes to <c>tmp/</c>, is flushed and renamed: others see
/// all of it or nothing.
/// </summary>
internal sealed class FolderCache(FolderLocation location, RemoteCacheOptions options) : IRemoteCache
{
    private const string EntryFormat = "1";

    /// <summary>A temporary file of this age belongs to nobody who still writes.</summary>
    private static readonly TimeSpan s_abandoned = TimeSpan.FromDays(2);

    private int _swept;

    public string Name => location.Folder;

    public Task<byte[]?> GetEntryAsync(Digest key, long maxBytes, CancellationToken token) => GuardAsync("read", EntryPath(key), async (path, idle) =>
    {
        if (await LengthAsync(path, idle).ConfigureAwait(false) is not { } length)
        {
            return null;
        }

        if (length == 0)
        {
            return [];
        }

        var file = await AskAsync(() => OpenRead(path), idle).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
        {
            return await Body.ReadAllAsync(path, file, length, maxBytes, idle).ConfigureAwait(false);
        }
    }, token);

    public Task<bool> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) =>
        GuardAsync("read", ContentPath(digest), async (path, idle) =>
        {
            if (await LengthAsync(path, idle).ConfigureAwait(false) is not { } length)
            {
                return false;
            }

            if (length != size)
            {
                throw new RemoteCacheException($"{path}: has {length:N0} bytes where {size:N0} belong");
            }

            // Something of length 0 may be a pipe or a device; there is nothing to read from it anyway.
            var file = length == 0 ? Stream.Null : await AskAsync(() => OpenRead(path), idle).ConfigureAwait(false);
            await using (file.ConfigureAwait(false))
            {
                var sink = new SinkStream(open);
                await using (sink.ConfigureAwait(false))
                {
                    await Body.CopyAsync(path, file, size, sink, idle).ConfigureAwait(false);
                }
            }

            return true;
        }, token);

    public async Task<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, CancellationToken token)
    {
        var missing = new bool[contents.Count];
        await GuardAsync("look into", location.Folder, async (_, idle) =>
        {
            for (var i = 0; i < contents.Count; i++)
            {
                missing[i] = await LengthAsync(ContentPath(contents[i].Key), idle).ConfigureAwait(false) != contents[i].Value;
            }

            return true;
        }, token).ConfigureAwait(false);
        return [.. contents.Where((_, i) => missing[i]).Select(each => each.Key)];
    }

    public Task PutEntryAsync(Digest key, ReadOnlyMemory<byte> content, CancellationToken token) =>
        WriteAsync(EntryPath(key), content.Length, () => new MemoryStream(content.ToArray(), writable: false), token);

    public Task PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token) => WriteAsync(ContentPath(digest), size, open, token);

    public void Dispose()
    {
    }

    private string ContentPath(Digest digest)
    {
        var hex = digest.ToString();
        return Path.Combine(location.Folder, "cas", "sha256", hex[..2], hex);
    }

    private string EntryPath(Digest key) => Path.Combine(location.Folder, "ac", EntryFormat, $"{key}.json");

    private static FileStream OpenRead(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);

    /// <summary>Length of a file; null where there is none (or a folder).</summary>
    private static Task<long?> LengthAsync(string path, IdleTimer idle) => AskAsync(
        () => new FileInfo(path) is { Exists: true } file && (file.ResolveLinkTarget(returnFinalTarget: true) ?? file) is FileInfo { Exists: true } target
            ? target.Length
            : (long?)null,
        idle);

    /// <summary>Asks the file system, but does not wait for ever: one whose server is gone answers nobody, and no cancellation reaches it.</summary>
    private static Task<T> AskAsync<T>(Func<T> question, IdleTimer idle)
    {
        idle.Touch();
        return Task.Run(question, CancellationToken.None).WaitAsync(idle.Token);
    }

    private Task WriteAsync(string path, long size, Func<Stream> open, CancellationToken token) => GuardAsync("write", path, async (target, idle) =>
    {
        var temporary = Path.Combine(location.Folder, "tmp", Guid.NewGuid().ToString("n"));
        await AskAsync(() => Prepare(target, temporary), idle).ConfigureAwait(false);
        try
        {
            var source = new UploadStream(target, open, size, idle);
            await using (source.ConfigureAwait(false))
            {
                var file = await AskAsync(() => new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0), idle).ConfigureAwait(false);
                await using (file.ConfigureAwait(false))
                {
                    try
                    {
                        await source.CopyToAsync(file, Body.BufferSize, idle.Token).ConfigureAwait(false);
                    }
                    catch (Exception) when (source.Failure is { } failure)
                    {
                        throw new LocalException(failure);
                    }

                    // A flush of large content may take longer than any step of its transfer.
                    idle.Rest();
                    await Task.Run(() => file.Flush(flushToDisk: true), idle.Token).ConfigureAwait(false);
                }
            }

            await AskAsync(() => Move(temporary, target), idle).ConfigureAwait(false);
            return true;
        }
        catch
        {
            _ = Task.Run(() => Remove(temporary), CancellationToken.None);
            throw;
        }
    }, token);

    private bool Prepare(string path, string temporary)
    {
        // The folder itself may be new, what it lies in may not: a share that is not mounted must not be filled in its place.
        if (!Directory.Exists(location.Folder))
        {
            if (Path.GetDirectoryName(location.Folder) is { } parent && !Directory.Exists(parent))
            {
                throw new DirectoryNotFoundException($"the folder {parent} does not exist (is the share mounted?)");
            }

            Directory.CreateDirectory(location.Folder);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(temporary)!);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (Interlocked.Exchange(ref _swept, 1) == 0)
        {
            var limit = options.Time.GetUtcNow().UtcDateTime - s_abandoned;
            foreach (var file in new DirectoryInfo(Path.GetDirectoryName(temporary)!).EnumerateFiles())
            {
                if (file.LastWriteTimeUtc < limit)
                {
                    Remove(file.FullName);
                }
            }
        }

        return true;
    }

    private static bool Move(string temporary, string path)
    {
        File.Move(temporary, path, overwrite: true);
        Folders.Flush(Path.GetDirectoryName(path)!);
        return true;
    }

    private static void Remove(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Swept later.
        }
    }

    private async Task<T> GuardAsync<T>(string verb, string path, Func<string, IdleTimer, Task<T>> action, CancellationToken token)
    {
        using var idle = new IdleTimer(options, token);
        try
        {
            return await action(path, idle).ConfigureAwait(false);
        }
        catch (LocalException exception)
        {
            exception.Rethrow();
            throw;
        }
        catch (TransientException exception)
        {
            throw new RemoteCacheException(exception.Message, exception.InnerException);
        }
        catch (OperationCanceledException exception) when (idle.Expired)
        {
            throw new RemoteCacheException($"cannot {verb} {path}: the file system did not answer for {options.IdleTimeout.TotalSeconds:0.#} s", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RemoteCacheException($"cannot {verb} {path}: {exception.Message.TrimEnd('.')}", exception);
        }
    }
}
