namespace LayerCake.Building;

/// <summary>
/// Keeps the collector away while something is in between: content that no record names yet, a pin that is being written. Builds enter side by side; the
/// collector enters alone, and only while it removes. Like <see cref="StoreLock"/> it is the kernel's lock on a file, gone with its holder.
/// </summary>
/// <param name="path">A file of the store that stays there.</param>
/// <param name="time">Timer of the waiting.</param>
/// <param name="readOnly">Whether nothing may be written.</param>
internal sealed class CollectGate(string path, TimeProvider time, bool readOnly)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Enters beside other builds. Where this user may not write there, nothing is locked: such a user can change nothing either.</summary>
    public Task<IDisposable> EnterAsync(CancellationToken token) => EnterAsync(exclusive: false, token);

    /// <summary>Enters alone.</summary>
    /// <exception cref="BuildException">This user may not write to the store.</exception>
    public Task<IDisposable> EnterAloneAsync(CancellationToken token) => EnterAsync(exclusive: true, token);

    private async Task<IDisposable> EnterAsync(bool exclusive, CancellationToken token)
    {
        if (readOnly && !exclusive)
        {
            return Nothing.Instance;
        }

        while (true)
        {
            token.ThrowIfCancellationRequested();
            try
            {
                if (!File.Exists(path))
                {
                    Folders.Create(Path.GetDirectoryName(path)!);
                    using var made = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
                    Folders.Share(path, Path.GetDirectoryName(path)!);
                }

                // .NET takes a shared lock for FileShare.Read and an exclusive one for FileShare.None, here and on Windows. The file stays, so nobody can lock
                // one that is no longer at its place.
                return exclusive
                    ? new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1)
                    : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            }
            catch (IOException exception) when (TemporaryArea.IsHeld(exception))
            {
                await Task.Delay(Poll, time, token).ConfigureAwait(false);
            }
            catch (Exception exception) when (StorageErrors.IsStorage(exception))
            {
                if (!exclusive)
                {
                    return Nothing.Instance;
                }

                throw StorageErrors.Explain(exception, "lock the store", path);
            }
        }
    }

    private sealed class Nothing : IDisposable
    {
        public static Nothing Instance { get; } = new();

        public void Dispose()
        {
        }
    }
}
