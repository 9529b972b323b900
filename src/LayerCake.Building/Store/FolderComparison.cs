namespace LayerCake.Building;

/// <summary>Whether a folder holds exactly a tree: same names, contents, execute bits, links, and nothing else.</summary>
internal static class FolderComparison
{
    public static bool Matches(StoredTree tree, string folder, StatCache stats, CancellationToken token)
    {
        var root = new DirectoryInfo(folder);
        if (!root.Exists)
        {
            return false;
        }

        var wanted = new Dictionary<string, TreeEntry>(tree.Entries.Count, StringComparer.Ordinal);
        foreach (var entry in tree.Entries)
        {
            wanted.Add(entry.Path.Value, entry);
        }

        var files = new List<(TreeEntry.File Entry, string Place)>();
        try
        {
            if (!NamesMatch(root, "", wanted, files) || wanted.Count != 0)
            {
                return false;
            }

            var unknown = new List<(TreeEntry.File Entry, string Place)>();
            foreach (var file in files)
            {
                if (FileStat.Of(file.Place) is not { } stat || stats.Find(stat) is not { } known)
                {
                    unknown.Add(file);
                }
                else if (known != file.Entry.Content)
                {
                    return false;
                }
            }

            var different = 0;
            Work.ForEach(unknown, token, file =>
            {
                if (Volatile.Read(ref different) == 0 && stats.DigestOf(file.Place, token) != file.Entry.Content)
                {
                    Volatile.Write(ref different, 1);
                }
            });
            return different == 0;
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is BuildException)
        {
            // What cannot be read is not known to be right.
            return false;
        }
    }

    // Takes what it finds out of the wanted entries; what is left is missing.
    private static bool NamesMatch(DirectoryInfo folder, string prefix, Dictionary<string, TreeEntry> wanted, List<(TreeEntry.File Entry, string Place)> files)
    {
        var any = false;
        foreach (var child in folder.EnumerateFileSystemInfos())
        {
            any = true;
            var path = prefix + child.Name;
            var link = child.LinkTarget;
            if (link is null && child is DirectoryInfo inner)
            {
                if (!NamesMatch(inner, path + "/", wanted, files))
                {
                    return false;
                }

                continue;
            }

            if (!wanted.Remove(path, out var entry))
            {
                return false;
            }

            var same = entry switch
            {
                TreeEntry.Link expected => link == expected.Target,
                TreeEntry.File expected => link is null && ((FileInfo)child).Length == expected.Size && IsExecutable(child, expected),
                _ => false,
            };
            if (!same)
            {
                return false;
            }

            if (entry is TreeEntry.File file)
            {
                files.Add((file, child.FullName));
            }
        }

        return any || prefix.Length == 0 || wanted.Remove(prefix[..^1], out var empty) && empty is TreeEntry.Folder;
    }

    private static bool IsExecutable(FileSystemInfo file, TreeEntry.File expected) =>
        OperatingSystem.IsWindows() || (file.UnixFileMode & UnixFileMode.UserExecute) != 0 == expected.Executable;
}
