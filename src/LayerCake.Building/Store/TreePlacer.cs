namespace LayerCake.Building;

/// <summary>
/// Places trees in folders for people. The new folder is built beside the destination and then takes its place in one rename (an exchange where the
/// system has it, else the old one is moved aside first and comes back if that fails).
/// </summary>
/// <remarks>
/// Files are copies by default (clones where the file system has them): a workspace is a thing that people edit, and an edit through a hard link would
/// change the store. What is edited is replaced by the next placing.
/// </remarks>
internal sealed class TreePlacer(ArtifactStore store, PlaceOptions options)
{
    // Longer than the tick of a kernel's file times (at most 10 ms on Linux): a file changed after this pause has another time than it has now.
    private static readonly TimeSpan ClockTick = TimeSpan.FromMilliseconds(20);

    public async Task<PlaceOutcome> PlaceAsync(StoredTree tree, string destination, CancellationToken token)
    {
        var target = Resolve(destination);
        if (Leftovers(target).Count == 0 && FolderComparison.Matches(tree, target, store.Stats, token))
        {
            Adopt(target);
            store.Stats.Save();
            return PlaceOutcome.Untouched;
        }

        using var held = await store.LockAsync("place-" + Digest.Of(target).Short, options.Waiting, token).ConfigureAwait(false);
        TidyUp(target);
        if (FolderComparison.Matches(tree, target, store.Stats, token))
        {
            Adopt(target);
            return PlaceOutcome.Untouched;
        }

        RefuseUnknown(target);
        var building = Beside(target, "new");
        try
        {
            StorageErrors.Guard("write the folder", building, () => Build(tree, building, token));
            await RememberAsync(tree, building, token).ConfigureAwait(false);
            store.Faults.Pass(FaultPoints.PlaceBuilt);
            token.ThrowIfCancellationRequested();
            StorageErrors.Guard("put the folder in place", target, () => Swap(building, target));
        }
        finally
        {
            // After an exchange this is the old folder, after a failure the half-built one.
            StorageErrors.Guard("remove a folder that is no longer used", building, () => store.DeleteLinked(building));
        }

        store.Faults.Pass(FaultPoints.PlaceCleaned);
        store.Stats.Save();
        return PlaceOutcome.Placed;
    }

    private string Resolve(string destination)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        if (Directory.Exists(path) && new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true) is { } linked)
        {
            // A link that someone put there, to another disk say, stays a link.
            path = Path.TrimEndingDirectorySeparator(linked.FullName);
        }

        if (File.Exists(path))
        {
            throw new BuildException($"cannot write the folder {path}: a file of that name is there; remove it or choose another folder");
        }

        var separator = Path.DirectorySeparatorChar;
        var within = (store.Root + separator).StartsWith(path + separator, StringComparison.Ordinal)
            || (path + separator).StartsWith(store.Root + separator, StringComparison.Ordinal);
        return within || Path.GetDirectoryName(path) is null
            ? throw new BuildException($"cannot write the folder {path}: it holds or lies in the store {store.Root}; choose another folder")
            : path;
    }

    /// <summary>Removes what a placing that died left beside the destination, after putting back what it had moved aside.</summary>
    private void TidyUp(string target)
    {
        StorageErrors.Guard("tidy up after an interrupted build", target, () =>
        {
            foreach (var left in Leftovers(target))
            {
                if (Path.GetFileName(left).StartsWith(Prefix(target, "old"), StringComparison.Ordinal) && !Directory.Exists(target))
                {
                    Directory.Move(left, target);
                }
                else
                {
                    store.DeleteLinked(left);
                }
            }
        });
    }

    private static List<string> Leftovers(string target)
    {
        var left = new List<string>();
        var parent = Path.GetDirectoryName(target)!;
        if (Directory.Exists(parent))
        {
            foreach (var folder in Directory.EnumerateDirectories(parent))
            {
                var name = Path.GetFileName(folder);
                if (name.StartsWith(Prefix(target, "old"), StringComparison.Ordinal) || name.StartsWith(Prefix(target, "new"), StringComparison.Ordinal))
                {
                    left.Add(folder);
                }
            }
        }

        return left;
    }

    private void RefuseUnknown(string target)
    {
        if (options.ReplaceUnknown || File.Exists(store.Layout.Placed(target)) || !Directory.Exists(target))
        {
            return;
        }

        foreach (var _ in Directory.EnumerateFileSystemEntries(target))
        {
            throw new BuildException($"will not replace the folder {target}: it was not made by this store; remove it or choose another folder");
        }
    }

    private void Build(StoredTree tree, string building, CancellationToken token)
    {
        Directory.CreateDirectory(building);
        var mode = OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(building);
        var files = new List<TreeEntry.File>();
        foreach (var entry in tree.Entries)
        {
            var path = entry.Path.Below(building);
            Directory.CreateDirectory(entry is TreeEntry.Folder ? path : Path.GetDirectoryName(path)!);
            if (entry is TreeEntry.File file)
            {
                files.Add(file);
            }
        }

        Work.ForEach(files, Work.DiskWaits, token, file =>
        {
            WriteFile(file, file.Path.Below(building), mode, token);
            store.Faults.Pass(FaultPoints.PlaceFile);
        });

        // Last, so that no file is written through one.
        foreach (var entry in tree.Entries)
        {
            if (entry is TreeEntry.Link link)
            {
                File.CreateSymbolicLink(link.Path.Below(building), link.Target);
            }
        }

        Folders.Flush(building);
    }

    private void WriteFile(TreeEntry.File file, string path, UnixFileMode folderMode, CancellationToken token)
    {
        if (!store.IsSound(file, token))
        {
            throw new BuildException($"cannot write {path}: its content {file.Content.Short} is missing from the store or damaged; run the build again, its step will run");
        }

        if (options.HardLinks && !file.Executable)
        {
            store.LinkBlob(file.Content, path);
            return;
        }

        // Clones where the file system can, else copies within the kernel.
        File.Copy(store.Layout.Blob(file.Content), path);
        if (!OperatingSystem.IsWindows())
        {
            // What the user's umask leaves of rwx for a folder, it leaves of rw for a file.
            const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            const UnixFileMode All = (UnixFileMode)0x1ff; // rwxrwxrwx
            File.SetUnixFileMode(path, folderMode & (file.Executable ? All : All & ~Execute));
        }

        File.SetLastWriteTimeUtc(path, store.Time.GetUtcNow().UtcDateTime);
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    // The files are not visible at their place yet, so nobody changes them: once their times lie back a tick, what the file system says of them identifies them,
    // and the next build need not read them.
    private async Task RememberAsync(StoredTree tree, string building, CancellationToken token)
    {
        await Task.Delay(ClockTick, store.Time, token).ConfigureAwait(false);
        foreach (var entry in tree.Entries)
        {
            if (entry is TreeEntry.File file && FileStat.Of(file.Path.Below(building)) is { } stat && HasFineTimes(stat))
            {
                store.Stats.Remember(stat, file.Content);
            }
        }
    }

    private static bool HasFineTimes(FileStat stat) => OperatingSystem.IsLinux() && stat.ChangedNanoseconds % 1_000_000 != 0;

    private void Swap(string building, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(building, target);
        }
        else if (!options.Exchange || !Folders.TryExchange(building, target))
        {
            var aside = Beside(target, "old");
            Directory.Move(target, aside);
            store.Faults.Pass(FaultPoints.PlaceMovedAside);
            try
            {
                Directory.Move(building, target);
            }
            catch
            {
                Directory.Move(aside, target);
                throw;
            }

            store.DeleteLinked(aside);
        }

        Folders.Flush(Path.GetDirectoryName(target)!);
        store.Faults.Pass(FaultPoints.PlaceSwapped);
        NotePlaced(target);
    }

    /// <summary>What holds exactly one of our trees is ours: the store was made anew, or a build died between placing and noting it.</summary>
    private void Adopt(string target)
    {
        try
        {
            if (!store.Options.ReadOnly && !File.Exists(store.Layout.Placed(target)))
            {
                NotePlaced(target);
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // Without the note, only a later replacement will ask.
        }
    }

    private void NotePlaced(string target)
    {
        var note = store.Layout.Placed(target);
        Folders.Create(Path.GetDirectoryName(note)!);
        File.WriteAllText(note, target + "\n");
        Folders.Share(note, Path.GetDirectoryName(note)!);
    }

    private static string Beside(string target, string what) =>
        Path.Combine(Path.GetDirectoryName(target)!, $"{Prefix(target, what)}{Guid.NewGuid():n}");

    private static string Prefix(string target, string what) => $".{Path.GetFileName(target)}.layercake-{what}-";
}
