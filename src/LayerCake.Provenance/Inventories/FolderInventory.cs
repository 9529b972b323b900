using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace LayerCake.Provenance;

/// <summary>Reads a package's folder. Links are noted, never followed.</summary>
internal static class FolderInventory
{
    private const int MaxDepth = 64;

    /// <exception cref="ProvenanceException">The folder cannot be read.</exception>
    public static PackageInventory Read(string folder, CancellationToken token)
    {
        var inventory = new PackageInventory(folder);
        try
        {
            var files = new List<(string Path, FileInfo Info)>();
            var count = 0;
            Collect(new DirectoryInfo(Path.GetFullPath(folder)), "", 0, inventory, files, ref count);
            foreach (var (file, content) in HashAll(files, token))
            {
                inventory.AddFile(file, content);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ProvenanceException($"{folder} cannot be read: {exception.Message}", exception);
        }

        return inventory;
    }

    private static void Collect(
        DirectoryInfo folder, string at, int depth, PackageInventory inventory, List<(string Path, FileInfo Info)> files, ref int count)
    {
        if (depth > MaxDepth)
        {
            throw new ProvenanceException($"{folder.FullName} lies more than {MaxDepth} folders deep; no package does");
        }

        foreach (var child in folder.EnumerateFileSystemInfos())
        {
            if (++count > PackageInventory.MaxEntries)
            {
                throw new ProvenanceException($"{inventory.Source} holds more than {PackageInventory.MaxEntries} entries; it is no package");
            }

            var path = at.Length == 0 ? child.Name : $"{at}/{child.Name}";
            if (PackagePath.FaultOf(path) is { } fault)
            {
                inventory.AddFault(FindingKind.Special, path, $"has a name that no package holds: {fault}");
            }
            else if (child.LinkTarget is { } target)
            {
                inventory.AddLink(path, target);
            }
            else if (child is DirectoryInfo inner)
            {
                Collect(inner, path, depth + 1, inventory, files, ref count);
            }
            else if (!FileKind.IsRegular(child.FullName))
            {
                inventory.AddFault(FindingKind.Special, path, "is a pipe, a socket or a device, not a file");
            }
            else
            {
                files.Add((path, (FileInfo)child));
            }
        }
    }

    private static (PackageFile File, byte[]? Content)[] HashAll(List<(string Path, FileInfo Info)> files, CancellationToken token)
    {
        // The largest first, so that the last one to end is not a large one that began late.
        files.Sort(static (left, right) => right.Info.Length.CompareTo(left.Info.Length));
        var hashed = new (PackageFile, byte[]?)[files.Count];
        try
        {
            Parallel.ForEach(
                Partitioner.Create(Enumerable.Range(0, files.Count), EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = token },
                i => hashed[i] = Hash(files[i].Path, files[i].Info, token));
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        return hashed;
    }

    private static (PackageFile, byte[]?) Hash(string path, FileInfo info, CancellationToken token)
    {
        if (PackageFiles.All.Contains(path) && info.Length <= PackageInventory.MaxRecordBytes)
        {
            // Read once: what is checked later is what was hashed.
            var content = File.ReadAllBytes(info.FullName);
            return (new PackageFile(path, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), content.Length), content);
        }

        var (digest, length) = ContentHasher.HashFile(info.FullName, token);
        return (new PackageFile(path, digest, length), null);
    }
}
