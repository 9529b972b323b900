namespace LayerCake.Building;

/// <summary>
/// Results by key, content by digest, below one folder. Content is published by rename once it is whole and on the disk; a key's record comes last.
/// Whatever is read is checked against its digest: bad content is put aside and counts as missing. Opening a store writes nothing.
/// </summary>
/// <remarks>Safe to use from several threads and several processes at once.</remarks>
public sealed class ArtifactStore : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StoreOptions _options;
    private TemporaryArea? _temporary;

    private ArtifactStore(string root, StoreOptions options)
    {
        Layout = new StoreLayout(root);
        _options = options;
        Stats = new StatCache(Layout.StatFile, NewTemporaryFile, options.Time, options.Faults);
        Blobs = new BlobStore(Layout, Stats, options);
        Gate = new CollectGate(Layout.Gate, options.Time, options.ReadOnly);
        Pins = new Pins(this);
    }

    /// <summary>The store's folder, absolute.</summary>
    public string Root => Layout.Root;

    /// <summary>Digests of files outside and inside the store that need not be read again.</summary>
    public StatCache Stats { get; }

    /// <summary>Version of the program that uses the store.</summary>
    public string ProgramVersion => _options.ProgramVersion;

    public IFaultHook Faults => _options.Faults;

    public TimeProvider Time => _options.Time;

    internal StoreLayout Layout { get; }

    internal StoreOptions Options => _options;

    internal BlobStore Blobs { get; }

    internal CollectGate Gate { get; }

    internal Pins Pins { get; }

    /// <summary>Where a file's content lies, if it is there. To be read only, and with doubt: only <see cref="Check"/> says that it is right.</summary>
    public string ContentPath(TreeEntry.File file) => Layout.Blob(file.Content);

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
                PutAsideIf(read, file.Content);
                return new TreeState(FormattableString.Invariant($"blob {file.Content.Short} ({file.Path}) has {stat.Size} bytes, not {file.Size}"), 0);
            }

            var known = Stats.Find(stat);
            if (known is { } other && other != file.Content)
            {
                PutAsideIf(read, file.Content);
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

    /// <summary>Puts one file of a result in a place of its own; what is there gives way.</summary>
    /// <exception cref="BuildException">The content is missing or damaged, a folder is in the way, or the file cannot be written.</exception>
    public void PlaceFile(TreeEntry.File file, string destination, CancellationToken token) => new FilePlacer(this).Place(file, destination, token);

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

    /// <summary>A new folder of this process. It goes with <see cref="Dispose"/>, and where the process is killed with the next build.</summary>
    /// <exception cref="BuildException">The store cannot be written to.</exception>
    public string NewTemporaryFolder() => StorageErrors.Guard("make a temporary folder", Layout.Temporary, () => Temporary().NewFolder());

    internal bool IsSound(TreeEntry.File file, CancellationToken token) => Blobs.IsSound(file, token);

    internal void Adopt(string path, Digest digest) => Blobs.Adopt(path, digest);

    internal void LinkBlob(Digest digest, string path) => Blobs.Link(digest, path);

    internal void DeleteLinked(string folder) => Blobs.DeleteLinked(folder);

    private void PutAsideIf(bool wanted, Digest digest)
    {
        if (wanted)
        {
            Blobs.Quarantine(digest);
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
