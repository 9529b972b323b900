namespace LayerCake.Building;

/// <summary>
/// A named lock of a store, held by one process at a time. It is an exclusive lock on a file, which the kernel drops when its holder dies (kill -9 too), so
/// a lock never has to be broken by hand.
/// </summary>
/// <remarks>
/// Holds between processes of one host, and between hosts where the file system passes locks on (NFS 4 does). Where it does not, two hosts may do the same
/// work twice; results stay right, since publishing is by rename of checked content.
/// </remarks>
internal sealed class StoreLock : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _file;
    private readonly string _ownerPath;

    private StoreLock(FileStream file, string ownerPath)
    {
        _file = file;
        _ownerPath = ownerPath;
    }

    /// <param name="folder">The store's <c>locks</c> folder; made where it is missing.</param>
    /// <param name="name">A plain file name.</param>
    /// <param name="waiting">Called when another holds the lock, again whenever the holder changes; null where the holder is not known.</param>
    /// <param name="time">Clock and timer.</param>
    /// <param name="token">Ends the waiting.</param>
    public static async Task<StoreLock> AcquireAsync(string folder, string name, Action<LockOwner?>? waiting, TimeProvider time, CancellationToken token)
    {
        var path = Path.Combine(folder, name + ".lock");
        var ownerPath = Path.Combine(folder, name + ".owner");
        var told = false;
        LockOwner? last = null;
        while (true)
        {
            token.ThrowIfCancellationRequested();
            if (StorageErrors.Guard("lock the store", path, () => TryTake(path, ownerPath, time)) is { } taken)
            {
                return taken;
            }

            var owner = LockOwner.Read(ownerPath);
            if (!told || (owner is not null && owner != last))
            {
                // A holder that just took the lock has not written its name yet; say so once, then again with the name.
                waiting?.Invoke(owner);
                told = true;
                last = owner;
            }

            await Task.Delay(Poll, time, token).ConfigureAwait(false);
        }
    }

    /// <summary>The lock, where nobody holds it; null where somebody does.</summary>
    public static StoreLock? TryAcquire(string folder, string name, TimeProvider time)
    {
        var path = Path.Combine(folder, name + ".lock");
        return StorageErrors.Guard("lock the store", path, () => TryTake(path, Path.Combine(folder, name + ".owner"), time));
    }

    public void Dispose()
    {
        try
        {
            // Removed while held: whoever waits sees that the file it locks is no longer the one at the path, and tries again.
            File.Delete(_ownerPath);
            if (OperatingSystem.IsLinux())
            {
                File.Delete(_file.Name);
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // An empty file stays behind, which locks nobody out.
        }

        _file.Dispose();
    }

    private static StoreLock? TryTake(string path, string ownerPath, TimeProvider time)
    {
        Folders.Create(Path.GetDirectoryName(path)!);
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException exception) when (TemporaryArea.IsHeld(exception))
        {
            return null;
        }

        try
        {
            // The file may have been removed by its last holder between our opening and locking it; then it locks nobody out any more.
            if (OperatingSystem.IsLinux() && !FileStat.IsAt(file.SafeFileHandle, path))
            {
                file.Dispose();
                return null;
            }

            Folders.Share(path, Path.GetDirectoryName(path)!);
            File.WriteAllBytes(ownerPath, LockOwner.This(time).ToJson());
            Folders.Share(ownerPath, Path.GetDirectoryName(path)!);
            return new StoreLock(file, ownerPath);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
