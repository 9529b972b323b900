namespace LayerCake.Building;

/// <summary>Everything in a store by name and size, and which record names which content.</summary>
internal sealed class StoreInventory
{
    private readonly ArtifactStore _store;
    private readonly Dictionary<Digest, int> _names = [];

    private StoreInventory(ArtifactStore store) => _store = store;

    public Dictionary<StepKey, RecordItem> Records { get; } = [];

    /// <summary>Records that cannot be read as such.</summary>
    public List<Leftover> Damaged { get; } = [];

    public Dictionary<Digest, BlobItem> Blobs { get; } = [];

    /// <summary>The finished parts of interrupted steps, by step.</summary>
    public List<Leftover> Parts { get; } = [];

    public List<Leftover> Quarantined { get; } = [];

    /// <summary>What dead builds left in the temporary folder.</summary>
    public List<Leftover> Abandoned { get; } = [];

    public long TotalBytes { get; private set; }

    /// <exception cref="BuildException">The store cannot be read.</exception>
    public static StoreInventory Take(ArtifactStore store, CancellationToken token)
    {
        var inventory = new StoreInventory(store);
        StorageErrors.Guard("read the store", store.Root, () =>
        {
            // Records after content: what a build publishes meanwhile is then named by no record yet, and young.
            inventory.ListBlobs(token);
            inventory.Refresh(token);
            inventory.ListLeftovers();
        });
        inventory.Add();
        return inventory;
    }

    /// <summary>Whether any record names the content.</summary>
    public bool IsNamed(Digest digest) => _names.ContainsKey(digest);

    /// <summary>Takes in the records that came or changed since, and forgets those that are gone.</summary>
    public void Refresh(CancellationToken token)
    {
        var gone = new HashSet<StepKey>(Records.Keys);
        foreach (var file in Files(_store.Layout.Records))
        {
            token.ThrowIfCancellationRequested();
            if (file.Extension != ".json" || !Digest.TryParse(Path.GetFileNameWithoutExtension(file.Name), out var digest))
            {
                continue;
            }

            var key = new StepKey(digest);
            gone.Remove(key);
            var used = new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero);
            if (Records.TryGetValue(key, out var known) && known.RecordBytes == file.Length && known.LastUsed == used)
            {
                continue;
            }

            Forget(key);
            if (_store.Find(key) is { Record: { } record })
            {
                Remember(RecordItem.Of(record, file.Length, used));
            }
            else if (file.Exists)
            {
                Damaged.Add(new Leftover(file.FullName, key, file.Length, used));
            }
        }

        foreach (var key in gone)
        {
            Forget(key);
        }
    }

    /// <summary>Takes a record out; gives the content that no other record names.</summary>
    public List<Digest> Forget(StepKey key)
    {
        var unnamed = new List<Digest>();
        if (Records.Remove(key, out var item))
        {
            foreach (var digest in item.Contents.Keys)
            {
                if (--_names[digest] == 0)
                {
                    _names.Remove(digest);
                    unnamed.Add(digest);
                }
            }
        }

        return unnamed;
    }

    /// <summary>What is wrong with a record's content, by presence and size; null where nothing is.</summary>
    public string? FaultOf(RecordItem item)
    {
        foreach (var (digest, size) in item.Contents)
        {
            if (!Blobs.TryGetValue(digest, out var blob))
            {
                return $"content {digest.Short} is missing";
            }

            if (blob.Size != size)
            {
                return FormattableString.Invariant($"content {digest.Short} has {blob.Size} bytes, not {size}");
            }
        }

        return null;
    }

    private void Remember(RecordItem item)
    {
        Records[item.Key] = item;
        foreach (var digest in item.Contents.Keys)
        {
            _names[digest] = _names.GetValueOrDefault(digest) + 1;
        }
    }

    private void ListBlobs(CancellationToken token)
    {
        if (!Directory.Exists(_store.Layout.Contents))
        {
            return;
        }

        foreach (var folder in Directory.EnumerateDirectories(_store.Layout.Contents))
        {
            token.ThrowIfCancellationRequested();
            foreach (var path in Directory.EnumerateFiles(folder))
            {
                if (Digest.TryParse(Path.GetFileName(path), out var digest) && FileStat.Of(path, out var names) is { } stat)
                {
                    Blobs[digest] = new BlobItem(stat.Size, Time(stat), names);
                }
            }
        }
    }

    private void ListLeftovers()
    {
        foreach (var file in Files(_store.Layout.Quarantine))
        {
            if (FileStat.Of(file.FullName) is { } stat)
            {
                Quarantined.Add(new Leftover(file.FullName, null, stat.Size, Time(stat)));
            }
        }

        if (Directory.Exists(_store.Layout.Parts))
        {
            foreach (var folder in new DirectoryInfo(_store.Layout.Parts).EnumerateDirectories())
            {
                var (bytes, latest) = Measure(folder);
                Parts.Add(new Leftover(folder.FullName, Digest.TryParse(folder.Name, out var digest) ? new StepKey(digest) : null, bytes, latest));
            }
        }

        foreach (var folder in TemporaryArea.Dead(_store.Layout.Temporary))
        {
            var (bytes, latest) = Measure(new DirectoryInfo(folder));
            Abandoned.Add(new Leftover(folder, null, bytes, latest));
        }
    }

    private void Add()
    {
        foreach (var blob in Blobs.Values)
        {
            TotalBytes += blob.Size;
        }

        foreach (var item in Records.Values)
        {
            TotalBytes += item.RecordBytes;
        }

        foreach (var leftover in (IEnumerable<Leftover>)[.. Damaged, .. Parts, .. Quarantined, .. Abandoned])
        {
            TotalBytes += leftover.Bytes;
        }
    }

    private static FileInfo[] Files(string folder) => Directory.Exists(folder) ? new DirectoryInfo(folder).GetFiles() : [];

    private static (long Bytes, DateTimeOffset Latest) Measure(DirectoryInfo folder)
    {
        var bytes = 0L;
        var latest = DateTimeOffset.UnixEpoch;
        if (folder.Exists)
        {
            var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
            foreach (var file in folder.EnumerateFiles("*", options))
            {
                bytes += file.Length;
                var time = new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero);
                latest = time > latest ? time : latest;
            }
        }

        return (bytes, latest);
    }

    private static DateTimeOffset Time(FileStat stat) => DateTimeOffset.UnixEpoch.AddTicks(stat.ChangedNanoseconds / 100);

    /// <param name="Path">A file or a folder.</param>
    /// <param name="Key">The step that it belongs to, where it belongs to one.</param>
    /// <param name="Bytes">All of it.</param>
    /// <param name="Changed">When last.</param>
    public sealed record Leftover(string Path, StepKey? Key, long Bytes, DateTimeOffset Changed);

    /// <param name="Size">In bytes.</param>
    /// <param name="Changed">When it, or the number of its names, changed last.</param>
    /// <param name="Names">How many names the file has; removing one of several frees nothing.</param>
    public readonly record struct BlobItem(long Size, DateTimeOffset Changed, uint Names);

    public sealed record RecordItem(
        StepKey Key, string Step, IReadOnlyList<StepKey> Lineage, IReadOnlyDictionary<Digest, long> Contents, long OutputBytes, long RecordBytes, DateTimeOffset LastUsed)
    {
        public static RecordItem Of(StepRecord record, long recordBytes, DateTimeOffset lastUsed)
        {
            var contents = new Dictionary<Digest, long>();
            foreach (var entry in record.Tree.Entries)
            {
                if (entry is TreeEntry.File file)
                {
                    contents[file.Content] = file.Size;
                }
            }

            var lineage = new List<StepKey>();
            foreach (var step in record.Lineage)
            {
                lineage.Add(step.Key);
            }

            return new RecordItem(record.Key, record.Step.Name, lineage, contents, record.Tree.TotalBytes, recordBytes, lastUsed);
        }
    }
}
