using System.Runtime.InteropServices;

namespace LayerCake.Building;

/// <summary>Folders and renames, made to last over a crash.</summary>
internal static class Folders
{
    /// <summary>Asks the disk to keep the entries of a folder (a rename is durable only then). Where the system cannot, nothing is done.</summary>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var arm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
        var handle = NativeMethods.Open(folder, arm ? NativeMethods.OpenFolderArm : NativeMethods.OpenFolder);
        if (handle >= 0)
        {
            _ = NativeMethods.FSync(handle);
            _ = NativeMethods.Close(handle);
        }
    }

    /// <summary>Writes a small file so that it is there whole or not at all: temporary file beside it, flush, rename.</summary>
    /// <param name="path">Where it shall be.</param>
    /// <param name="content">All of it.</param>
    /// <param name="temporary">A path in the same file system that nobody else uses.</param>
    /// <param name="beforeRename">Called between the two.</param>
    public static void WriteWhole(string path, string temporary, ReadOnlySpan<byte> content, Action? beforeRename = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None, content.Length))
        {
            RandomAccess.Write(handle, content, 0);
            RandomAccess.FlushToDisk(handle);
        }

        beforeRename?.Invoke();
        File.Move(temporary, path, overwrite: true);
        Flush(Path.GetDirectoryName(path)!);
    }

    /// <summary>Exchanges two folders in one step; false where the file system cannot.</summary>
    public static bool TryExchange(string first, string second)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return NativeMethods.RenameAt2(NativeMethods.CurrentFolder, first, NativeMethods.CurrentFolder, second, NativeMethods.Exchange) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            // glibc before 2.28, musl before 1.2.6.
            return false;
        }
    }

    /// <summary>Removes a folder that we made, links not followed, read-only folders made writable first.</summary>
    public static void Delete(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        if (!OperatingSystem.IsWindows())
        {
            MakeWritable(new DirectoryInfo(folder));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static void MakeWritable(DirectoryInfo folder)
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows() || folder.LinkTarget is not null)
        {
            return;
        }

        if ((folder.UnixFileMode & Owner) != Owner)
        {
            folder.UnixFileMode |= Owner;
        }

        foreach (var child in folder.EnumerateDirectories())
        {
            MakeWritable(child);
        }
    }
}
