using System.Globalization;

namespace LayerCake.Building;

/// <summary>Brings a result from a shared cache into the store: content first, each file checked before it gets its place, the record last.</summary>
internal sealed class RemoteFetch(SharedCache cache, ArtifactStore store, IBuildReporter reporter)
{
    /// <summary>How many contents are on their way at once: enough to hide the waits of small ones, few enough to leave each a fair share of the line.</summary>
    private const int AtOnce = 8;

    // A collector may take content away between the look and the record; that this happens again and again is a fault.
    private const int Rounds = 3;

    private long _done;

    /// <summary>Whether the store has the whole result now. Where not, what came stays for the next try, and why was said.</summary>
    /// <exception cref="BuildException">The store cannot be written.</exception>
    public async Task<bool> RunAsync(string step, StepRecord record, CancellationToken token)
    {
        var wanted = new Dictionary<Digest, TreeEntry.File>();
        foreach (var entry in record.Tree.Entries)
        {
            if (entry is TreeEntry.File file && !wanted.TryAdd(file.Content, file) && wanted[file.Content].Size != file.Size)
            {
                cache.Lied($"its entry of {step} gives one content two sizes", null);
                return false;
            }
        }

        for (var round = 0; round < Rounds; round++)
        {
            var missing = Missing(wanted.Values, token);
            if (!HasSpace(step, missing) || !await FetchAsync(missing, token).ConfigureAwait(false))
            {
                return false;
            }

            using var open = await store.Gate.EnterAsync(token).ConfigureAwait(false);
            if (store.Check(record.Tree, read: true, token).Fault is null)
            {
                store.Faults.Pass(FaultPoints.RemoteFetched);
                store.Write(record);
                return true;
            }
        }

        return false;
    }

    private List<TreeEntry.File> Missing(IEnumerable<TreeEntry.File> wanted, CancellationToken token)
    {
        var missing = new List<TreeEntry.File>();
        foreach (var file in wanted)
        {
            if (!store.IsSound(file, token))
            {
                missing.Add(file);
            }
        }

        // The largest first: the last one to come should be a small one.
        missing.Sort(static (left, right) => right.Size.CompareTo(left.Size));
        return missing;
    }

    private bool HasSpace(string step, List<TreeEntry.File> missing)
    {
        var bytes = 0L;
        foreach (var file in missing)
        {
            bytes = bytes > long.MaxValue - file.Size ? long.MaxValue : bytes + file.Size;
        }

        // What an entry claims may be anything; a disk is not filled to find out.
        if (bytes == 0 || Volume.FreeBytes(store.Root) is not { } free || bytes <= free)
        {
            return true;
        }

        cache.Warn(string.Create(
            CultureInfo.InvariantCulture,
            $"the result of {step} needs {bytes / 1e9:0.0} GB, and the disk of the store has {free / 1e9:0.0} GB left; it is not fetched"));
        return false;
    }

    private async Task<bool> FetchAsync(List<TreeEntry.File> missing, CancellationToken token)
    {
        var total = 0L;
        foreach (var file in missing)
        {
            total += file.Size;
        }

        _done = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        var failed = false;
        try
        {
            await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop.Token }, async (file, inner) =>
            {
                if (await FetchAsync(file, total, inner).ConfigureAwait(false))
                {
                    return;
                }

                failed = true;
                await stop.CancelAsync().ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (failed && !token.IsCancellationRequested)
        {
            return false;
        }

        return !failed;
    }

    private async Task<bool> FetchAsync(TreeEntry.File file, long total, CancellationToken token)
    {
        using var download = new Download(store.NewTemporaryFile(), file.Size, count =>
            reporter.Progress("MB", Interlocked.Add(ref _done, count) / 1_000_000, Math.Max(total / 1_000_000, 1)));
        var found = await cache.GetContentAsync(file.Content, file.Size, download.Open, token).ConfigureAwait(false);
        if (download.LocalFault is { } fault)
        {
            throw StorageErrors.Explain(fault, $"store what came from {cache.Name}", store.Root);
        }

        if (found == false)
        {
            cache.Warn($"it has an entry that names the content {file.Content.Short}, but not the content; the entry is not used");
        }

        if (found != true)
        {
            return false;
        }

        var digest = StorageErrors.Guard($"store what came from {cache.Name}", store.Root, () => download.Finish());
        if (digest is null || digest != file.Content)
        {
            cache.Lied(
                digest is null ? $"the content {file.Content.Short} does not have the size of its entry" : $"the content {file.Content.Short} has the digest {digest.Value.Short}",
                file.Content);
            return false;
        }

        store.Faults.Pass(FaultPoints.RemoteContent);
        StorageErrors.Guard($"store what came from {cache.Name}", store.Root, () =>
        {
            store.Adopt(download.Path, file.Content);
            Folders.Flush(Path.GetDirectoryName(store.Layout.Blob(file.Content))!);
        });
        return true;
    }
}
