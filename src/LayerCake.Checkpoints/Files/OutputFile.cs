using Microsoft.Win32.SafeHandles;

namespace LayerCake.Checkpoints;

/// <summary>
/// A file of known size written by position. It vanishes when it is disposed before <see cref="Complete"/>, so that a build that stops halfway leaves nothing
/// that looks like a checkpoint.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private bool _isComplete;

    private OutputFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; }

    /// <param name="path">Created. A file of that name is removed first and never changed in place: it may be a hard link to something that must stay.</param>
    /// <param name="length">Reserved at once where the file system can: a full disk shows before the work, not after it.</param>
    public static OutputFile Create(string path, long length)
    {
        try
        {
            File.Delete(path);
            return new OutputFile(path, File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, length));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new CheckpointException(
                $"{path} ({length} bytes) cannot be created: {exception.Message} Check that the folder exists and is writable and that the disk has room.", exception) { ConcernsOutput = true };
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
            EarlyWriting.Start(_handle, offset, bytes.Length);
        }
        catch (IOException exception)
        {
            throw new CheckpointException($"{Path} cannot be written: {exception.Message} Free space on its disk or choose another folder.", exception) { ConcernsOutput = true };
        }
    }

    /// <summary>Flushes to the disk; from here on the file stays.</summary>
    public void Complete()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException exception)
        {
            throw new CheckpointException($"{Path} cannot be flushed to its disk: {exception.Message}", exception) { ConcernsOutput = true };
        }

        _isComplete = true;
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
        {
            return;
        }

        _handle.Dispose();
        if (!_isComplete)
        {
            File.Delete(Path);
        }
    }
}
