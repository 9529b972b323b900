namespace LayerCake.Building;

/// <summary>
/// Results by key, content by digest, below one folder. Content is published by rename once it is whole and on the disk; a key's record comes last.
/// Whatever is read is checked against its digest: bad content is put aside and counts as missing. Opening a store writes nothing.
/// </summary>
/// <remarks>Safe to use from several threads and several processes at once.</remarks>
public sealed class ArtifactStore : IDisposable
{
    // Every blob carries this modification time. Whoever writes into a blob changes it, even within the clock tick of its publishing.
    private static readonly DateTime BlobTime = DateTime.UnixEpoch.AddSeconds(1);

    private readonly Lock _gate = new();
    private readonly StoreOptions _options;
    private TemporaryArea? _temporary;

    private ArtifactStore(string root, StoreOptions options)
    {
        Layout = new StoreLayout(root);
        _options = options;
        Stats = new StatCache(Layout.StatFile, NewTemporaryFile, options.Time, options.Faults);
        Gate = new CollectGate(Layout.Gate, options.Time, options.ReadOnly);
        Pins = new Pins(this);
    }

    /// <summary>The store's folder, absolute.</summary>
    public string Root => Layout.Root;

    /// <summary>Digests of files outside and inside the store that need not be read again.</summary>
    public StatCache Stats { get; }

    public IFaultHook Faults => _options.Faults;

    public TimeProvider Time => _options.Time;

    internal StoreLayout Layout { get; }

    internal StoreOptions Options => _options;

    internal CollectGate Gate { get; }

    internal Pins Pins { get; }

    /// <param name="root">For example <c>artifacts/.cache</c>; need not exist.</param>
    /// <param name="options">Clock, faults, read-only.</param>
    /// <exception cref="BuildException">The path is there but is not a folder.</exception>
    public static ArtifactStore Open(string root, StoreOptions? options = null)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        return File.Exists(path)
            ? throw new BuildException($"cannot use {path} as the store: it is a file; remove it or choose another folder")
            : new ArtifactStore(path, options ?? StoreOptions.Default);
    }

    /// <summary>Removes this process's temporary files. The digests are kept by <see cref="StatCache.Save"/>, not here.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _temporary?.Dispose();
            _temporary = null;
        }
    }

    /// <summary>The record of a key. A damaged one counts as none, with the reason; nothing of the content is read.</summary>
    public RecordLookup Find(StepKey key)
    {
        var path = Layout.Record(key);
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                return new RecordLookup(null, null);
            }

            return file.Length > StepRecordJson.MaxBytes
                ? new RecordLookup(null, $"the record {key.Short} is too large to be one")
                : new RecordLookup(StepRecordJson.Read(key, File.ReadAllBytes(path)), null);
        }
        catch (FormatException exception)
        {
            return new RecordLookup(null, $"the record {key.Short} is damaged: {exception.Message.TrimEnd('.')}");
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            return new RecordLookup(null, $"the record {key.Short} cannot be read: {exception.Message.TrimEnd('.')}");
        }
    }

    /// <summary>Whether a tree's content is there: by presence, size and what the stat cache knows, or by reading what that does not vouch for.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="read">
    /// Whether to read content that changed since it was last checked. Content with a wrong digest is then moved to the quarantine.
    /// </param>
    /// <param name="token">Ends the reading.</param>
    public TreeState Check(StoredTree tree, bool read, CancellationToken token)
    {
        var seen = new HashSet<Digest>();
        var unread = new List<TreeEntry.File>();
        foreach (var entry in tree.Entries)
        {
            if (entry is not TreeEntry.File file || !seen.Add(file.Content))
            {
                continue;
            }

            if (FileStat.Of(Layout.Blob(file.Content)) is not { } stat)
            {
                return new TreeState($"blob {file.Content.Short} ({file.Path}) is missing", 0);
            }

            if (stat.Size != file.Size)
            {
                QuarantineIf(read, file.Content);
                return new TreeState(FormattableString.Invariant($"blob {file.Content.Short} ({file.Path}) has {stat.Size} bytes, not {file.Size}"), 0);
            }

            var known = Stats.Find(stat);
            if (known is { } other && other != file.Content)
            {
                QuarantineIf(read, file.Content);
                return new TreeState($"blob {file.Content.Short} ({file.Path}) is damaged", 0);
            }

            if (known is null)
            {
                unread.Add(file);
            }
        }

        if (!read)
        {
            var bytes = 0L;
            foreach (var file in unread)
            {
                bytes += file.Size;
            }

            return new TreeState(null, bytes);
        }

        string? fault = null;
        Work.ForEach(unread, token, file =>
        {
            if (!IsSound(file, token))
            {
                Interlocked.CompareExchange(ref fault, $"blob {file.Content.Short} ({file.Path}) is damaged", null);
            }
        });
        return new TreeState(fault, 0);
    }

    /// <summary>Puts a folder's content into the store; the folder is used up. What the folder holds beyond files, links within it and folders is refused.</summary>
    /// <exception cref="BuildException">The content cannot be stored: no space, a link that leads out, a device file.</exception>
    public StoredTree Publish(string folder, CancellationToken token) => new TreePublisher(this).Publish(folder, token);

    /// <summary>Whether a folder holds exactly the tree already, so that <see cref="PlaceAsync"/> would not touch it. Writes nothing.</summary>
    public bool IsPlaced(StoredTree tree, string destination, CancellationToken token = default) =>
        FolderComparison.Matches(tree, Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination)), Stats, token);

    /// <summary>Makes <paramref name="destination"/> hold exactly the tree: complete, or as it was before.</summary>
    /// <exception cref="BuildException">The content is damaged or missing, or the destination cannot be written or is not ours to replace.</exception>
    public Task<PlaceOutcome> PlaceAsync(StoredTree tree, string destination, PlaceOptions? options = null, CancellationToken token = default) =>
        new TreePlacer(this, options ?? PlaceOptions.Default).PlaceAsync(tree, destination, token);

    /// <summary>Writes a key's record, over an older one where there is one. Its content must be published.</summary>
    public void Write(StepRecord record)
    {
        var path = Layout.Record(record.Key);
        StorageErrors.Guard("write the record of a step", path, () =>
            Folders.WriteWhole(path, NewTemporaryFile(), StepRecordJson.Write(record), () => Faults.Pass(FaultPoints.RecordWritten)));
        Faults.Pass(FaultPoints.RecordPublished);
    }

    /// <summary>Notes that a key's result was used now, for the collector's order. Where that cannot be noted, the result only seems older.</summary>
    internal void Touch(StepKey key)
    {
        if (_options.ReadOnly)
        {
            return;
        }

        var path = Layout.Record(key);
        try
        {
            File.SetLastWriteTimeUtc(path, Time.GetUtcNow().UtcDateTime);
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's file, whose times only that user may set; but whoever may write to the folder may put a copy in its place.
            TryRenew(path);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>The fields of the last build of a step of a recipe; null where there was none or its note is damaged.</summary>
    public KeyDocument? FindLatest(string recipe, string step)
    {
        try
        {
            var file = new FileInfo(Layout.Latest(recipe, step));
            if (!file.Exists || file.Length > LatestNote.MaxBytes)
            {
                return null;
            }

            return LatestNote.TryRead(File.ReadAllBytes(file.FullName));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            return null;
        }
    }

    /// <summary>Notes the fields with which a step of a recipe was built or found last.</summary>
    public void WriteLatest(string recipe, string step, KeyDocument fields)
    {
        var path = Layout.Latest(recipe, step);
        StorageErrors.Guard("note the last build of a step", path, () =>
            Folders.WriteWhole(path, NewTemporaryFile(), LatestNote.Write(fields), () => Faults.Pass(FaultPoints.LatestWritten)));
        Faults.Pass(FaultPoints.LatestPublished);
    }

    /// <summary>Removes what builds that died left in the temporary folder; where that cannot be done, nothing is lost but space.</summary>
    internal void Sweep()
    {
        if (!_options.ReadOnly && Directory.Exists(Layout.Temporary))
        {
            TemporaryArea.Sweep(Layout.Temporary, DeleteLinked);
        }
    }

    internal Task<StoreLock> LockAsync(string name, Action<LockOwner?>? waiting, CancellationToken token)
    {
        RefuseIfReadOnly();
        return StoreLock.AcquireAsync(Layout.Locks, name, waiting, Time, token);
    }

    internal StoreLock? TryLock(string name)
    {
        RefuseIfReadOnly();
        return StoreLock.TryAcquire(Layout.Locks, name, Time);
    }

    internal string NewTemporaryFile() => Temporary().NewFile();

    internal string NewTemporaryFolder() => StorageErrors.Guard("make a temporary folder", Layout.Temporary, () => Temporary().NewFolder());

    /// <summary>Whether a blob is there and has its digest; one that has not is moved to the quarantine.</summary>
    internal bool IsSound(TreeEntry.File file, CancellationToken token)
    {
        var path = Layout.Blob(file.Content);
        if (FileStat.Of(path) is not { } stat)
        {
            return false;
        }

        var known = stat.Size == file.Size ? Stats.Find(stat) : null;
        if (known is null && stat.Size == file.Size)
        {
            var digest = StorageErrors.Guard("read the store", path, () => FileHasher.Hash(path, null, token));
            if (digest == file.Content)
            {
                // Another build that gives the blob a second name meanwhile, or takes one away, changes its change time: the blob is sound all the same, only
                // not to be remembered, since whoever writes into it changes that time too.
                if (FileStat.Of(path) == stat && (_options.ReadOnly || stat.ModifiedNanoseconds == BlobNanoseconds || TrySetBlobTime(path)))
                {
                    RememberBlob(path, file.Content);
                }

                return true;
            }
        }

        if (known == file.Content)
        {
            return true;
        }

        Quarantine(file.Content);
        return false;
    }

    /// <summary>Gives a file its place among the blobs; the file must be on the store's file system and on the disk.</summary>
    internal void Adopt(string path, Digest digest)
    {
        var blob = Layout.Blob(digest);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        File.SetLastWriteTimeUtc(path, BlobTime);
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        File.Move(path, blob, overwrite: true);
        RememberBlob(blob, digest);
        Faults.Pass(FaultPoints.BlobPublished);
    }

    /// <summary>A second name for a blob, without a copy; a copy where the file system has no hard links.</summary>
    internal void LinkBlob(Digest digest, string path)
    {
        var blob = Layout.Blob(digest);
        var before = FileStat.Of(blob);
        if (!OperatingSystem.IsLinux() || NativeMethods.Link(blob, path) != 0)
        {
            File.Copy(blob, path);
            return;
        }

        KeepKnown(before, digest);
    }

    /// <summary>
    /// Removes a folder that may hold second names of blobs. A name more or less changes a file's change time, which would make the stat cache forget
    /// that the blob was checked.
    /// </summary>
    internal void DeleteLinked(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            if (FileStat.Of(path, out var names) is { } stat && names > 1 && Stats.Find(stat) is { } digest)
            {
                File.Delete(path);
                KeepKnown(stat, digest);
            }
        }

        Folders.Delete(folder);
    }

    private static long BlobNanoseconds => (BlobTime - DateTime.UnixEpoch).Ticks * 100;

    private void RememberBlob(string path, Digest digest)
    {
        if (FileStat.Of(path) is { } stat && stat.ModifiedNanoseconds == BlobNanoseconds)
        {
            Stats.Remember(stat, digest);
        }
    }

    // Where the blob was known before its change time changed through us, and nothing else changed, it is still known.
    private void KeepKnown(FileStat? before, Digest digest)
    {
        if (before is { } old && Stats.Find(old) == digest && FileStat.Of(Layout.Blob(digest)) is { } now
            && now with { ChangedNanoseconds = 0 } == old with { ChangedNanoseconds = 0 } && now.ModifiedNanoseconds == BlobNanoseconds)
        {
            Stats.Remember(now, digest);
        }
    }

    private static bool TrySetBlobTime(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, BlobTime);
            return true;
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            return false;
        }
    }

    private void TryRenew(string path)
    {
        try
        {
            Folders.WriteWhole(path, NewTemporaryFile(), File.ReadAllBytes(path));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is BuildException)
        {
            // A store that this user may only read.
        }
    }

    private void QuarantineIf(bool wanted, Digest digest)
    {
        if (wanted)
        {
            Quarantine(digest);
        }
    }

    private void Quarantine(Digest digest)
    {
        if (_options.ReadOnly)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Layout.Quarantine);
            File.Move(Layout.Blob(digest), Path.Combine(Layout.Quarantine, $"{digest}-{Guid.NewGuid():n}"));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // It stays, and is found damaged again whenever it is read; publishing the same content replaces it.
        }
    }

    private TemporaryArea Temporary()
    {
        RefuseIfReadOnly();
        lock (_gate)
        {
            return _temporary ??= StorageErrors.Guard("write to the store", Layout.Temporary, () => TemporaryArea.Create(Layout.Temporary, DeleteLinked, Time));
        }
    }

    private void RefuseIfReadOnly()
    {
        if (_options.ReadOnly)
        {
            throw new BuildException($"cannot write to the store {Root}: it was opened for reading only");
        }
    }
}
