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

    /// <summary>
    /// Makes a folder of the store, and those above it. Where the folder it comes into may be written by a group or by all, so may it be, whatever this user's
    /// umask is: otherwise a store for many would close, folder by folder, to all but the first.
    /// </summary>
    public static void Create(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        if (Path.GetDirectoryName(folder) is not { Length: > 0 } parent)
        {
            Directory.CreateDirectory(folder);
            return;
        }

        Create(parent);
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows() && SharedModeOf(parent) is { } mode)
        {
            TrySetMode(folder, mode);
        }
    }

    /// <summary>Gives a file of the store the rights of the folder it is in, or will be in, where that is for many.</summary>
    public static void Share(string file, string folder)
    {
        if (!OperatingSystem.IsWindows() && SharedModeOf(folder) is { } mode)
        {
            const UnixFileMode ReadWrite = (UnixFileMode)0x1b6; // rw-rw-rw-
            TrySetMode(file, mode & ReadWrite);
        }
    }

    /// <summary>Writes a small file so that it is there whole or not at all: temporary file beside it, flush, rename.</summary>
    /// <param name="path">Where it shall be.</param>
    /// <param name="content">All of it.</param>
    /// <param name="temporary">A path in the same file system that nobody else uses.</param>
    /// <param name="beforeRename">Called between the two.</param>
    public static void WriteWhole(string path, string temporary, ReadOnlySpan<byte> content, Action? beforeRename = null)
    {
        var folder = Path.GetDirectoryName(path)!;
        Create(folder);
        using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None, content.Length))
        {
            RandomAccess.Write(handle, content, 0);
            RandomAccess.FlushToDisk(handle);
        }

        Share(temporary, folder);
        beforeRename?.Invoke();
        File.Move(temporary, path, overwrite: true);
        Flush(folder);
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

    /// <summary>A folder's mode where others than its owner may write to it; null where not.</summary>
    private static UnixFileMode? SharedModeOf(string folder)
    {
        const UnixFileMode Many = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var mode = File.GetUnixFileMode(folder);
        return (mode & Many) != 0 && (mode & UnixFileMode.StickyBit) == 0 ? mode : null;
    }

    private static void TrySetMode(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        try
        {
            File.SetUnixFileMode(path, mode);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // Another user was quicker, and did the same.
        }
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
