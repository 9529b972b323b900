using System.Globalization;

namespace LayerCake.TurboMind;

/// <summary>
/// Makes a workspace appear complete or not at all: it is built beside its destination, flushed to disk and swapped in by a rename.
/// The old workspace stays usable until then. Only a workspace or an empty folder is ever replaced.
/// </summary>
public static class WorkspacePublisher
{
    /// <summary>Whether there is a workspace at the destination, which <see cref="Publish"/> would replace.</summary>
    /// <exception cref="WorkspaceException">Something else is there, which is not deleted.</exception>
    public static bool Replaces(string destination)
    {
        if (File.Exists(destination))
        {
            throw new WorkspaceException($"{destination} is a file: choose another --dst-path") { ConcernsOutput = true };
        }

        if (!Directory.Exists(destination))
        {
            return false;
        }

        if (WorkspacePaths.IsWorkspace(destination))
        {
            return true;
        }

        return Directory.EnumerateFileSystemEntries(destination).Any()
            ? throw new WorkspaceException(
                $"{destination} is not empty and not a workspace (it has no {WorkspacePaths.Models}), so it is not replaced: remove it or choose another --dst-path") { ConcernsOutput = true }
            : false;
    }

    /// <summary>Builds and publishes.</summary>
    /// <param name="destination">The workspace's folder; its parents are made.</param>
    /// <param name="build">Fills the fresh, empty folder it gets. If it throws, nothing of it remains and the destination is as before.</param>
    /// <exception cref="WorkspaceException">The destination cannot be written or replaced.</exception>
    public static void Publish(string destination, Action<string> build)
    {
        Replaces(destination);
        // A link is followed, so that the folder it names is replaced and the link stays.
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        if (new DirectoryInfo(target) is { LinkTarget: not null } link)
        {
            target = link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        }

        var parent = Path.GetDirectoryName(target)
            ?? throw new WorkspaceException($"{destination} is the root of a file system: choose another --dst-path") { ConcernsOutput = true };
        OutputFile.CreateFolder(parent);
        RemoveLeftovers(parent, Path.GetFileName(target));

        var unique = string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}");
        string building = Path.Combine(parent, unique + ".building"), aside = Path.Combine(parent, unique + ".old");
        using var mark = Hold(building + ".lock");
        try
        {
            OutputFile.CreateFolder(building);
            build(building);
            FlushTree(building);
            Swap(building, target, aside);
        }
        finally
        {
            Remove(building);
            Remove(aside);
        }
    }

    private static void Swap(string building, string target, string aside)
    {
        try
        {
            if (Directory.Exists(target) && !Directory.EnumerateFileSystemEntries(target).Any())
            {
                Directory.Delete(target);
            }

            FolderExchange.Publish(building, target, aside);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw OutputFile.Failure(target, 0, fault);
        }
    }

    /// <summary>A rename that survives a power cut must not be of files that did not.</summary>
    private static void FlushTree(string folder)
    {
        try
        {
            foreach (var file in FolderTree.RegularFiles(folder))
            {
                using var handle = File.OpenHandle(
                    Path.Combine(folder, file), FileMode.Open, OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
                RandomAccess.FlushToDisk(handle);
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw OutputFile.Failure(folder, 0, fault);
        }
    }

    /// <summary>The lock a living build holds on its folder; the system frees it when the process dies, however it dies.</summary>
    private static FileStream Hold(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw OutputFile.Failure(path, 0, fault);
        }
    }

    /// <summary>What builds that were killed left beside the destination. An old workspace that waits without a new one goes back first.</summary>
    private static void RemoveLeftovers(string parent, string name)
    {
        var marks = Directory.GetFiles(parent).Where(file =>
            Path.GetFileName(file).StartsWith($".{name}.", StringComparison.Ordinal) && file.EndsWith(".building.lock", StringComparison.Ordinal));
        foreach (var mark in marks)
        {
            var building = mark[..^".lock".Length];
            var aside = building[..^".building".Length] + ".old";
            try
            {
                using var held = new FileStream(mark, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
                if (Directory.Exists(aside) && !Directory.Exists(Path.Combine(parent, name)))
                {
                    Directory.Move(aside, Path.Combine(parent, name));
                }

                Remove(building);
                Remove(aside);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // Held by a living build, or not ours to remove: no reason to stop this one.
            }
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // The result stands; the remains are hidden, and the next build tries again.
            }
        }
    }
}
