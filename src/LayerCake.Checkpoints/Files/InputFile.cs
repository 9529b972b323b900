using Microsoft.Win32.SafeHandles;

namespace LayerCake.Checkpoints;

/// <summary>A file opened for positional reads, with errors that name it. Safe for concurrent use.</summary>
internal sealed class InputFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private InputFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        _handle = handle;
        Length = length;
    }

    public string Path { get; }

    /// <summary>Bytes at the time of opening.</summary>
    public long Length { get; }

    public static InputFile Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CheckpointException($"{path} is a folder; a checkpoint file was expected.");
        }

        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return new InputFile(path, handle, RandomAccess.GetLength(handle));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException($"{path} does not exist. Check the path, or download the file again.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            handle?.Dispose();
            throw new CheckpointException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    public void ReadExactly(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var count = RandomAccess.Read(_handle, destination, offset);
            if (count == 0)
            {
                throw new CheckpointException(
                    $"{Path} ends at byte {offset}, {destination.Length} bytes too early: it was cut off or changed while it was read. Download or copy it again.");
            }

            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>The first bytes, at most <paramref name="count"/>.</summary>
    public byte[] Head(int count)
    {
        var head = new byte[Math.Min(count, Length)];
        ReadExactly(0, head);
        return head;
    }

    public void Dispose() => _handle.Dispose();
}
