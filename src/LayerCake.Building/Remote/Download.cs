namespace LayerCake.Building;

/// <summary>
/// Content on its way into a temporary file. A retry of the adapter opens it again, from the start; once this is disposed, an adapter that was left behind
/// writes nowhere.
/// </summary>
internal sealed class Download(string path, long size, Action<long> progress) : IDisposable
{
    private readonly Lock _gate = new();
    private HashingFile? _file;
    private bool _closed;

    public string Path { get; } = path;

    /// <summary>What the disk refused; null where nothing. It must not pass for a fault of the cache.</summary>
    public Exception? LocalFault { get; private set; }

    public Stream Open()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (_file is { } earlier)
            {
                progress(-earlier.Length);
                earlier.Discard();
            }

            try
            {
                return _file = new HashingFile(Path, size, progress, fault => LocalFault ??= fault);
            }
            catch (Exception exception) when (StorageErrors.IsStorage(exception))
            {
                LocalFault = exception;
                throw;
            }
        }
    }

    /// <summary>Flushes the file to the disk and gives its digest; null where it has another size than it must.</summary>
    public Digest? Finish()
    {
        lock (_gate)
        {
            _closed = true;
            return _file?.Finish();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            _file?.Discard();
            try
            {
                // Where it became a blob it is no longer here.
                File.Delete(Path);
            }
            catch (Exception exception) when (StorageErrors.IsStorage(exception))
            {
                // It is in this process's temporary folder, and goes with it.
            }
        }
    }
}
