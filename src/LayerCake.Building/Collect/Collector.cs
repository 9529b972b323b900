namespace LayerCake.Building;

/// <summary>
/// Keeps a store within limits. Safe while builds run: what lock records name and what running builds have pinned stays, and builds are kept out only while
/// something is really removed. A result goes record first, so one killed half way leaves content without a record, never the other way round.
/// </summary>
public sealed class Collector(ArtifactStore store)
{
    // Builds that want to store something wait for at most this much removing at a time.
    private const int AtOnce = 32;

    /// <param name="limits">What to keep to.</param>
    /// <param name="roots">Keys that stay: those of lock records.</param>
    /// <param name="dryRun">Decides only; gives the same numbers and changes nothing.</param>
    /// <param name="token">Ends it between two removals.</param>
    /// <exception cref="BuildException">The store cannot be read or written.</exception>
    public async Task<CollectReport> CollectAsync(CollectLimits limits, IReadOnlyCollection<StepKey> roots, bool dryRun = false, CancellationToken token = default)
    {
        var inventory = StoreInventory.Take(store, token);
        var held = store.Pins.Read();
        held.UnionWith(roots);
        var report = CollectPlan.Of(inventory, limits, held, store.Time.GetUtcNow(), Volume.FreeBytes(store.Root));
        if (dryRun || report.Removed.Count == 0)
        {
            return report;
        }

        store.Sweep();
        var removed = new List<CollectedItem>();
        foreach (var batch in report.Removed.Chunk(AtOnce))
        {
            token.ThrowIfCancellationRequested();
            using var alone = await store.Gate.EnterAloneAsync(token).ConfigureAwait(false);
            StorageErrors.Guard("remove from the store", store.Root, () =>
            {
                // What came or was pinned since the decision.
                inventory.Refresh(token);
                var pins = store.Pins.Read();
                foreach (var item in batch)
                {
                    if ((item.Key is not { } key || !pins.Contains(key)) && Remove(item, inventory))
                    {
                        removed.Add(item);
                    }
                }
            });
        }

        var freed = 0L;
        foreach (var item in removed)
        {
            freed += item.Bytes;
        }

        var large = limits.MaxBytes is { } max ? report.BytesBefore - freed - max : 0;
        var full = limits.MinFreeBytes is { } min && Volume.FreeBytes(store.Root) is { } free ? min - free : 0;
        return new CollectReport(removed, report.BytesBefore, freed, inventory.Records.Count, Math.Max(0, Math.Max(large, full)));
    }

    /// <summary>False where it is in use again or was something else meanwhile.</summary>
    private bool Remove(CollectedItem item, StoreInventory inventory)
    {
        switch (item.Kind)
        {
            case CollectedKind.Result:
                return RemoveResult(item, inventory);
            case CollectedKind.Content:
                var digest = item.Content!.Value;
                return !inventory.IsNamed(digest) && RemoveContent(digest);
            case CollectedKind.Parts:
                return RemoveParts(item.Path!);
            default:
                return RemoveRubbish(item.Path!);
        }
    }

    private bool RemoveResult(CollectedItem item, StoreInventory inventory)
    {
        var key = item.Key!.Value;
        if (!inventory.Records.TryGetValue(key, out var record) || record.LastUsed != item.LastUsed)
        {
            return false;
        }

        File.Delete(store.Layout.Record(key));
        store.Faults.Pass(FaultPoints.CollectRecord);
        foreach (var digest in inventory.Forget(key))
        {
            RemoveContent(digest);
        }

        return true;
    }

    // A dead build's folder went with the sweep, unless it is another user's: that user's next build removes it.
    private static bool RemoveRubbish(string path)
    {
        if (Directory.Exists(path))
        {
            return false;
        }

        return MayRemove(() => File.Delete(path));
    }

    private bool RemoveParts(string path)
    {
        var removed = MayRemove(() => Folders.Delete(path));
        store.Faults.Pass(FaultPoints.CollectParts);
        return removed;
    }

    // What another user alone may remove stays for that user's next build or collection; it is no reason to leave the rest.
    private static bool MayRemove(Action remove)
    {
        try
        {
            remove();
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private bool RemoveContent(Digest digest)
    {
        File.Delete(store.Layout.Blob(digest));
        store.Faults.Pass(FaultPoints.CollectBlob);
        return true;
    }
}
