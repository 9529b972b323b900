namespace LayerCake.Building;

/// <summary>
/// Reads all content of a store again, whatever the stat cache says of it. Content with a wrong digest goes to the quarantine, records that cannot be read or whose
/// content is not whole are removed: the next build makes or fetches them again.
/// </summary>
public sealed class StoreVerifier(ArtifactStore store)
{
    /// <param name="progress">Told how many of how many bytes were read; from several threads.</param>
    /// <param name="token">Ends the reading.</param>
    /// <exception cref="BuildException">The store cannot be read, or what is bad cannot be put aside.</exception>
    public async Task<VerifyReport> VerifyAsync(Action<long, long>? progress = null, CancellationToken token = default)
    {
        var inventory = StoreInventory.Take(store, token);
        var total = 0L;
        var blobs = new List<KeyValuePair<Digest, StoreInventory.BlobItem>>(inventory.Blobs);
        foreach (var (_, blob) in blobs)
        {
            total += blob.Size;
        }

        // The largest first, so that no core has the one large file left to itself at the end.
        blobs.Sort(static (left, right) => right.Value.Size.CompareTo(left.Value.Size));
        var read = 0L;
        var damaged = new List<Digest>();
        Work.ForEach(blobs, token, blob =>
        {
            if (store.Blobs.Reread(blob.Key, token))
            {
                progress?.Invoke(Interlocked.Add(ref read, blob.Value.Size), total);
                return;
            }

            lock (damaged)
            {
                damaged.Add(blob.Key);
            }
        });
        damaged.Sort();
        var removed = await RemoveRecordsAsync(token).ConfigureAwait(false);
        store.Stats.Save();
        return new VerifyReport(blobs.Count, total, damaged, removed);
    }

    private async Task<List<string>> RemoveRecordsAsync(CancellationToken token)
    {
        var removed = new List<string>();
        if (Faults(StoreInventory.Take(store, token)).Count == 0)
        {
            return removed;
        }

        using var alone = await store.Gate.EnterAloneAsync(token).ConfigureAwait(false);
        var pins = store.Pins.Read();
        StorageErrors.Guard("remove from the store", store.Root, () =>
        {
            // Looked at anew: a build may have mended it meanwhile.
            foreach (var (key, path, what) in Faults(StoreInventory.Take(store, token)))
            {
                if (key is not { } known || !pins.Contains(known))
                {
                    File.Delete(path);
                    store.Faults.Pass(FaultPoints.CollectRecord);
                    removed.Add(what);
                }
            }
        });
        return removed;
    }

    private List<(StepKey? Key, string Path, string What)> Faults(StoreInventory inventory)
    {
        var faults = new List<(StepKey?, string, string)>();
        foreach (var record in inventory.Damaged)
        {
            faults.Add((record.Key, record.Path, $"{record.Key?.Short}: its record is damaged"));
        }

        foreach (var record in inventory.Records.Values)
        {
            if (inventory.FaultOf(record) is { } fault)
            {
                faults.Add((record.Key, store.Layout.Record(record.Key), $"{record.Step} {record.Key.Short}: {fault}"));
            }
        }

        faults.Sort(static (left, right) => string.CompareOrdinal(left.Item3, right.Item3));
        return faults;
    }
}
