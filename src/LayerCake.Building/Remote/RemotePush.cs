namespace LayerCake.Building;

/// <summary>
/// Writes a result that this machine made to a shared cache: the content that is not there yet, the entry last. Only what just ran is written. What was found in
/// the store or in the cache is there already or was left out by whoever made it; asking for each of them anew would cost every build a round of requests.
/// </summary>
internal sealed class RemotePush(SharedCache cache, ArtifactStore store, IBuildReporter reporter)
{
    private const int AtOnce = 8;
    private const int BufferBytes = 1 << 20;

    /// <summary>Whether all of it is there now; what went wrong was said.</summary>
    public async Task<bool> RunAsync(string recipe, StepRecord record, CancellationToken token)
    {
        var contents = new Dictionary<Digest, long>();
        foreach (var entry in record.Tree.Entries)
        {
            if (entry is TreeEntry.File file)
            {
                contents[file.Content] = file.Size;
            }
        }

        if (await cache.FindMissingAsync([.. contents], planning: false, token).ConfigureAwait(false) is not { } answer)
        {
            return false;
        }

        var missing = new List<KeyValuePair<Digest, long>>();
        var total = 0L;
        foreach (var content in contents)
        {
            if (answer.Contains(content.Key))
            {
                missing.Add(content);
                total += content.Value;
            }
        }

        var done = 0L;
        var failed = false;
        await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = token }, async (content, inner) =>
        {
            if (failed)
            {
                return;
            }

            if (!await cache.PutContentAsync(content.Key, content.Value, () => OpenBlob(content.Key), inner).ConfigureAwait(false))
            {
                failed = true;
                return;
            }

            reporter.Progress("MB", Interlocked.Add(ref done, content.Value) / 1_000_000, Math.Max(total / 1_000_000, 1));
            store.Faults.Pass(FaultPoints.RemotePushed);
        }).ConfigureAwait(false);
        if (failed || !await cache.PutAsync(record, token).ConfigureAwait(false))
        {
            return false;
        }

        store.Faults.Pass(FaultPoints.RemoteRecorded);
        return await cache.PutLatestAsync(recipe, record.Step.Name, record.Fields, token).ConfigureAwait(false);
    }

    private FileStream OpenBlob(Digest digest) =>
        new(store.Layout.Blob(digest), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, BufferBytes, FileOptions.SequentialScan);
}
