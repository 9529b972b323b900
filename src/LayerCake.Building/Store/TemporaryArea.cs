namespace LayerCake.Building;

/// <summary>
/// The part of a store's <c>tmp</c> folder that belongs to this process. A locked file beside it says that the process lives: the kernel lets go of the
/// lock when the process dies, however it dies, and the next build that writes removes what is left.
/// </summary>
internal sealed class TemporaryArea : IDisposable
{
    private const string Prefix = "build-";
    private const string Marker = ".alive";

    private readonly string _folder;
    private readonly FileStream _alive;
    private int _count;

    private TemporaryArea(string folder, FileStream alive)
    {
        _folder = folder;
        _alive = alive;
    }

    /// <param name="parent">The store's <c>tmp</c> folder; made where it is missing.</param>
    /// <param name="deleteFolder">How to remove the folder of a dead process.</param>
    /// <param name="time">Clock.</param>
    public static TemporaryArea Create(string parent, Action<string> deleteFolder, TimeProvider time)
    {
        Folders.Create(parent);
        Sweep(parent, deleteFolder);
        while (true)
        {
            var folder = Path.Combine(parent, Prefix + Guid.NewGuid().ToString("n"));
            if (TryLock(folder + Marker, FileMode.CreateNew) is not { } alive)
            {
                continue;
            }

            // Between creating and locking it, a sweep may have taken the file for a dead process's and removed it.
            if (File.Exists(folder + Marker))
            {
                alive.Write(LockOwner.This(time).ToJson());
                alive.Flush();
                Folders.Share(folder + Marker, parent);
                Folders.Create(folder);
                return new TemporaryArea(folder, alive);
            }

            alive.Dispose();
        }
    }

    public string NewFile() => Path.Combine(_folder, Next());

    public string NewFolder()
    {
        var folder = Path.Combine(_folder, Next());
        Directory.CreateDirectory(folder);
        return folder;
    }

    public void Dispose()
    {
        try
        {
            Folders.Delete(_folder);
            File.Delete(_alive.Name);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // The next build sweeps it.
        }

        _alive.Dispose();
    }

    public static void Sweep(string parent, Action<string> deleteFolder)
    {
        try
        {
            foreach (var (folder, dead) in Markers(parent))
            {
                if (dead is not null)
                {
                    Remove(folder, deleteFolder);
                }
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // The folder cannot be read, or went.
        }
    }

    private static void Remove(string folder, Action<string> deleteFolder)
    {
        try
        {
            deleteFolder(folder);
            File.Delete(folder + Marker);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // Another user's, say. It disturbs nobody.
        }
    }

    /// <summary>The folders of processes that live, or may live.</summary>
    public static List<string> Living(string parent) => List(parent, dead: false);

    /// <summary>The folders that dead processes left, which the next sweep removes.</summary>
    public static List<string> Dead(string parent) => List(parent, dead: true);

    private static List<string> List(string parent, bool dead)
    {
        var folders = new List<string>();
        if (Directory.Exists(parent))
        {
            foreach (var (folder, marker) in Markers(parent))
            {
                if (marker is not null == dead)
                {
                    folders.Add(folder);
                }
            }
        }

        return folders;
    }

    /// <summary>All folders; with those of dead processes their markers, locked until the next one is asked for.</summary>
    private static IEnumerable<(string Folder, FileStream? Dead)> Markers(string parent)
    {
        foreach (var marker in Directory.EnumerateFiles(parent, Prefix + "*" + Marker))
        {
            using var held = TryLock(marker, FileMode.Open);
            yield return (marker[..^Marker.Length], held is not null && !MayLive(held, marker) ? held : null);
        }
    }

    // A file system without locks lets everybody take every lock. There, what a process said of itself counts; of one on another host nothing can be known, so
    // its files are kept for a day.
    private static bool MayLive(FileStream marker, string path)
    {
        if (LockOwner.Read(marker) is not { } owner)
        {
            return false;
        }

        return owner.Host == Environment.MachineName ? owner.IsRunning() : DateTime.UtcNow - File.GetLastWriteTimeUtc(path) < TimeSpan.FromDays(1);
    }

    private static FileStream? TryLock(string path, FileMode mode)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException) when (mode == FileMode.Open)
        {
            return null;
        }
        catch (IOException exception) when (IsTaken(exception))
        {
            return null;
        }
    }

    /// <summary>Whether an open failed because another process holds the file (or, with CreateNew, because it is there).</summary>
    private static bool IsTaken(IOException exception) =>
        IsHeld(exception) || exception.HResult == 17 || (exception.HResult & 0xffff) == 80;

    /// <summary>Whether an open failed because another process holds the file. A file where a folder should be is no such thing: it stays.</summary>
    internal static bool IsHeld(IOException exception) => OperatingSystem.IsWindows()
        ? (exception.HResult & 0xffff) is 32 or 33
        : exception.HResult is 11 or 35 || (exception.HResult & 0xffff) == 32;

    private string Next() => Interlocked.Increment(ref _count).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
