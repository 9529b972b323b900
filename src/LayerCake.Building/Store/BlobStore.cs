namespace LayerCake.Building;

/// <summary>The content of a store, by digest: read-only files, hashed before they get their place and whenever they were touched since.</summary>
internal sealed class BlobStore(StoreLayout layout, StatCache stats, StoreOptions options)
{
    // Every blob carries this modification time. Whoever writes into a blob changes it, even within the clock tick of its publishing.
    private static readonly DateTime BlobTime = DateTime.UnixEpoch.AddSeconds(1);

    /// <summary>Whether a blob is there and has its digest; one that has not is moved to the quarantine.</summary>
    public bool IsSound(TreeEntry.File file, CancellationToken token)
    {
        var path = layout.Blob(file.Content);
        if (FileStat.Of(path) is not { } stat)
        {
            return false;
        }

        var known = stat.Size == file.Size ? stats.Find(stat) : null;
        if (known is null && stat.Size == file.Size)
        {
            var digest = StorageErrors.Guard("read the store", path, () => FileHasher.Hash(path, null, token));
            if (digest == file.Content)
            {
                // Another build that gives the blob a second name meanwhile, or takes one away, changes its change time: the blob is sound all the same, only
                // not to be remembered, since whoever writes into it changes that time too.
                if (FileStat.Of(path) == stat && (options.ReadOnly || stat.ModifiedNanoseconds == BlobNanoseconds || TrySetBlobTime(path)))
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

    /// <summary>Reads a blob whatever is known of it; one with a wrong digest is moved to the quarantine. False where it is damaged; true where it is gone.</summary>
    public bool Reread(Digest digest, CancellationToken token)
    {
        var path = layout.Blob(digest);
        if (FileStat.Of(path) is not { } before)
        {
            return true;
        }

        if (StorageErrors.Guard("read the store", path, () => FileHasher.Hash(path, null, token)) != digest)
        {
            Quarantine(digest);
            return false;
        }

        if (FileStat.Of(path) == before)
        {
            RememberBlob(path, digest);
        }

        return true;
    }

    /// <summary>Gives a file its place among the blobs; the file must be on the store's file system and on the disk.</summary>
    public void Adopt(string path, Digest digest)
    {
        var blob = layout.Blob(digest);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        File.SetLastWriteTimeUtc(path, BlobTime);
        Folders.Create(Path.GetDirectoryName(blob)!);
        File.Move(path, blob, overwrite: true);
        RememberBlob(blob, digest);
        options.Faults.Pass(FaultPoints.BlobPublished);
    }

    /// <summary>A second name for a blob, without a copy; a copy where the file system has no hard links.</summary>
    public void Link(Digest digest, string path)
    {
        var blob = layout.Blob(digest);
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
    public void DeleteLinked(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            if (FileStat.Of(path, out var names) is { } stat && names > 1 && stats.Find(stat) is { } digest)
            {
                File.Delete(path);
                KeepKnown(stat, digest);
            }
        }

        Folders.Delete(folder);
    }

    /// <summary>Moves a blob whose digest is wrong out of the way.</summary>
    public void Quarantine(Digest digest)
    {
        if (options.ReadOnly)
        {
            return;
        }

        try
        {
            Folders.Create(layout.Quarantine);
            File.Move(layout.Blob(digest), Path.Combine(layout.Quarantine, $"{digest}-{Guid.NewGuid():n}"));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // It stays, and is found damaged again whenever it is read; publishing the same content replaces it.
        }
    }

    private static long BlobNanoseconds => (BlobTime - DateTime.UnixEpoch).Ticks * 100;

    private void RememberBlob(string path, Digest digest)
    {
        if (FileStat.Of(path) is { } stat && stat.ModifiedNanoseconds == BlobNanoseconds)
        {
            stats.Remember(stat, digest);
        }
    }

    // Where the blob was known before its change time changed through us, and nothing else changed, it is still known.
    private void KeepKnown(FileStat? before, Digest digest)
    {
        if (before is { } old && stats.Find(old) == digest && FileStat.Of(layout.Blob(digest)) is { } now
            && now with { ChangedNanoseconds = 0 } == old with { ChangedNanoseconds = 0 } && now.ModifiedNanoseconds == BlobNanoseconds)
        {
            stats.Remember(now, digest);
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
}
