using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Building;

/// <summary>Writes a part's file beside its place; see <see cref="PartFile"/> for the form.</summary>
internal sealed class PartWriter
{
    /// <summary>Smaller writes are gathered: each would cost a call of the system.</summary>
    private const int BufferBytes = 1 << 16;

    private readonly string _temporary;
    private readonly SafeFileHandle _file;
    private readonly XxHash128 _hash = new();
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _buffered;
    private long _length;

    private PartWriter(string temporary, SafeFileHandle file) => (_temporary, _file) = (temporary, file);

    public static PartWriter Create(string temporary, StepKey key)
    {
        var writer = new PartWriter(temporary, File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None));
        Span<byte> header = stackalloc byte[PartFile.HeaderBytes];
        PartFile.WriteHeader(header, key);
        writer.Write(header);
        return writer;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= BufferBytes)
        {
            Flush();
            Put(bytes);
            return;
        }

        if (_buffered + bytes.Length > BufferBytes)
        {
            Flush();
        }

        bytes.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += bytes.Length;
    }

    /// <summary>Adds the digest and brings everything to the disk.</summary>
    public void Finish()
    {
        Flush();
        Span<byte> digest = stackalloc byte[PartFile.DigestBytes];
        _hash.GetHashAndReset(digest);
        RandomAccess.Write(_file, digest, _length);
        RandomAccess.FlushToDisk(_file);
        _file.Dispose();
    }

    public void MoveTo(string path)
    {
        File.Move(_temporary, path, overwrite: true);
        Folders.Flush(Path.GetDirectoryName(path)!);
    }

    public void Abandon()
    {
        _file.Dispose();
        try
        {
            File.Delete(_temporary);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // It lies in the temporary folder of this process, which goes as a whole.
        }
    }

    private void Flush()
    {
        Put(_buffer.AsSpan(0, _buffered));
        _buffered = 0;
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _hash.Append(bytes);
        RandomAccess.Write(_file, bytes, _length);
        _length += bytes.Length;
    }
}
