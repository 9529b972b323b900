using System.Collections.Concurrent;

namespace LayerCake.Building;

/// <summary>Moves the content of a folder into a store: hash, flush, rename. Nothing is copied, and files are hashed on all cores.</summary>
internal sealed class TreePublisher(ArtifactStore store)
{
    public StoredTree Publish(string folder, CancellationToken token)
    {
        var entries = new List<TreeEntry>();
        var files = new List<(RelativePath Path, string Place)>();
        StorageErrors.Guard("read the output of a step", folder, () => Collect(new DirectoryInfo(folder), null, entries, files));
        var hashed = new ConcurrentBag<(TreeEntry.File File, string Place)>();
        // The disk writes while the cores hash.
        var writing = Task.Run(() => files.ForEach(file => StartWriting(file.Place)), CancellationToken.None);
        try
        {
            StorageErrors.Guard("store the output of a step", store.Root, () => Work.ForEach(files, token, file =>
            {
                hashed.Add((Hash(file.Path, file.Place, token), file.Place));
                store.Faults.Pass(FaultPoints.BlobHashed);
            }));
        }
        finally
        {
            writing.GetAwaiter().GetResult();
        }

        foreach (var (file, _) in hashed)
        {
            entries.Add(file);
        }

        StoredTree tree;
        try
        {
            tree = StoredTree.Create(entries);
        }
        catch (FormatException exception)
        {
            throw new BuildException($"cannot store the output of a step: {exception.Message.TrimEnd('.')}; it must stand on its own: files, folders and links within it", exception);
        }

        StorageErrors.Guard("store the output of a step", store.Root, () => MoveIn(hashed, token));
        store.Faults.Pass(FaultPoints.TreePublished);
        return tree;
    }

    private TreeEntry.File Hash(RelativePath path, string place, CancellationToken token)
    {
        // A second name of a blob that was checked: its digest is known.
        var known = FileStat.Of(place, out var names) is { } stat && names > 1 ? store.Stats.Find(stat) : null;
        var digest = known ?? FileHasher.Hash(place, null, token);
        var executable = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(place) & UnixFileMode.UserExecute) != 0;
        return new TreeEntry.File(path, digest, new FileInfo(place).Length, executable);
    }

    private void MoveIn(IEnumerable<(TreeEntry.File File, string Place)> hashed, CancellationToken token)
    {
        var wanted = new Dictionary<Digest, (TreeEntry.File File, string Place)>();
        foreach (var item in hashed)
        {
            wanted.TryAdd(item.File.Content, item);
        }

        var folders = new ConcurrentDictionary<string, bool>();
        Work.ForEach(wanted.Values, Work.DiskWaits, token, item =>
        {
            if (store.IsSound(item.File, token))
            {
                return;
            }

            var place = OwnFile(item.Place);
            Flush(place);
            store.Adopt(place, item.File.Content);
            folders.TryAdd(Path.GetDirectoryName(store.Layout.Blob(item.File.Content))!, true);
        });
        Work.ForEach([.. folders.Keys], Work.DiskWaits, token, Folders.Flush);
    }

    // A step that linked a file into its output instead of copying it must not make us change that file's mode, and a rename of one name of a file onto
    // another of its names does nothing.
    private string OwnFile(string place)
    {
        if (FileStat.Of(place, out var names) is not null && names == 1)
        {
            return place;
        }

        var copy = store.NewTemporaryFile();
        File.Copy(place, copy);
        return copy;
    }

    private static void Flush(string path)
    {
        // Windows flushes only through a handle that may write.
        using var handle = File.OpenHandle(path, FileMode.Open, OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read);
        RandomAccess.FlushToDisk(handle);
    }

    private static void StartWriting(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            using var handle = File.OpenHandle(path);
            _ = NativeMethods.SyncFileRange((int)handle.DangerousGetHandle(), 0, 0, NativeMethods.StartWriting);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is EntryPointNotFoundException)
        {
            // The flush does it all, and says what is wrong.
        }
    }

    private static void Collect(DirectoryInfo folder, RelativePath? at, List<TreeEntry> entries, List<(RelativePath Path, string Place)> files)
    {
        var empty = true;
        foreach (var child in folder.EnumerateFileSystemInfos())
        {
            empty = false;
            if (!RelativePath.TryParse(at is { } above ? $"{above}/{child.Name}" : child.Name, out var path))
            {
                throw new BuildException($"cannot store the output of a step: {child.FullName} has a name that other systems cannot hold");
            }

            if (child.LinkTarget is { } target)
            {
                entries.Add(new TreeEntry.Link(path, target));
            }
            else if (child is DirectoryInfo inner)
            {
                Collect(inner, path, entries, files);
            }
            else if (FileStat.Of(child.FullName) is not null)
            {
                files.Add((path, child.FullName));
            }
            else
            {
                throw new BuildException($"cannot store the output of a step: {child.FullName} is neither file, folder nor link");
            }
        }

        if (empty && at is { } self)
        {
            entries.Add(new TreeEntry.Folder(self));
        }
    }
}
