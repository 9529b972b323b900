using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Building;

/// <summary>
/// A new file of a known size that is hashed while it is written: what is written is copied into blocks that another thread hashes, so that hashing is not
/// added to the time of writing. It takes no more bytes than it shall have.
/// </summary>
/// <remarks>
/// Whoever writes may dispose of it, on any thread and at any time; that ends the writing only. Whoever made it ends with <see cref="Finish"/> or
/// <see cref="Discard"/>.
/// </remarks>
internal sealed class HashingFile : Stream
{
    private const int BlockBytes = 1 << 20;
    private const int BlocksAhead = 4;
    private const long WriteBehindBytes = 16L << 20;

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _handle;
    private readonly long _size;
    private readonly Action<long>? _progress;
    private readonly Action<Exception>? _fault;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _block = ArrayPool<byte>.Shared.Rent(BlockBytes);
    private readonly ConcurrentQueue<byte[]> _spare = new();
    private Channel<byte[]>? _full;
    private Task _hashing = Task.CompletedTask;
    private int _filled;
    private long _written;
    private bool _closed;
    private bool _released;

    /// <param name="path">Made anew; an older file there is cut off.</param>
    /// <param name="size">How many bytes it shall have.</param>
    /// <param name="progress">Told how many bytes more are written.</param>
    /// <param name="fault">Told what the disk refuses, which is thrown too.</param>
    public HashingFile(string path, long size, Action<long>? progress = null, Action<Exception>? fault = null)
    {
        _size = size;
        _progress = progress;
        _fault = fault;
        // Not preallocated: the size is somebody's claim.
        _handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => !_closed;

    /// <summary>How many bytes were written.</summary>
    public override long Length => _written;

    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    /// <summary>Flushes the file to the disk, closes it and gives its digest; null where it does not have its size.</summary>
    public Digest? Finish()
    {
        lock (_gate)
        {
            _closed = true;
            if (_released || _written != _size)
            {
                Release();
                return null;
            }

            try
            {
                _full?.Writer.Complete();
                // The flush waits for the disk, the hash for a core.
                RandomAccess.FlushToDisk(_handle);
                _hashing.GetAwaiter().GetResult();
                _hash.AppendData(_block.AsSpan(0, _filled));
                Span<byte> digest = stackalloc byte[Digest.ByteLength];
                _hash.GetHashAndReset(digest);
                return new Digest(digest);
            }
            finally
            {
                Release();
            }
        }
    }

    /// <summary>Closes the file; its content is of no use.</summary>
    public void Discard()
    {
        lock (_gate)
        {
            Release();
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (buffer.Length > _size - _written)
            {
                throw new InvalidDataException(FormattableString.Invariant($"there are more than the {_size} bytes that there should be"));
            }

            try
            {
                RandomAccess.Write(_handle, buffer, _written);
            }
            catch (Exception exception) when (StorageErrors.IsStorage(exception))
            {
                _fault?.Invoke(exception);
                throw;
            }

            _written += buffer.Length;
            Hash(buffer);
        }

        _progress?.Invoke(buffer.Length);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // Into the system's cache, which is quick; a wait there is a disk that is slower than the line.
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _closed = true;
        }

        base.Dispose(disposing);
    }

    private void Hash(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(BlockBytes - _filled, buffer.Length);
            buffer[..count].CopyTo(_block.AsSpan(_filled));
            buffer = buffer[count..];
            _filled += count;
            if (_filled == BlockBytes)
            {
                HandOver();
            }
        }
    }

    private void HandOver()
    {
        if (_full is null)
        {
            _full = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
            _hashing = Task.Run(HashAsync);
        }

        if (!_full.Writer.TryWrite(_block))
        {
            _full.Writer.WriteAsync(_block).AsTask().GetAwaiter().GetResult();
        }

        _block = _spare.TryDequeue(out var spare) ? spare : ArrayPool<byte>.Shared.Rent(BlockBytes);
        _filled = 0;
    }

    private async Task HashAsync()
    {
        long hashed = 0;
        long started = 0;
        await foreach (var block in _full!.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            _hash.AppendData(block.AsSpan(0, BlockBytes));
            // Not to the pool: given back there by one thread, a block is not at hand for the other.
            _spare.Enqueue(block);
            hashed += BlockBytes;
            if (hashed - started >= WriteBehindBytes)
            {
                StartWriting(started, hashed - started);
                started = hashed;
            }
        }
    }

    // Left to itself, the system keeps up to a tenth of the memory before it writes, and the flush at the end waits for all of that.
    private void StartWriting(long offset, long count)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                _ = NativeMethods.SyncFileRange((int)_handle.DangerousGetHandle(), offset, count, NativeMethods.StartWriting);
            }
        }
        catch (EntryPointNotFoundException)
        {
            // An old musl. The flush does it all.
        }
    }

    private void Release()
    {
        _closed = true;
        if (_released)
        {
            return;
        }

        _released = true;
        _full?.Writer.TryComplete();
        _hashing.GetAwaiter().GetResult();
        _hash.Dispose();
        _handle.Dispose();
        ArrayPool<byte>.Shared.Return(_block);
        while (_spare.TryDequeue(out var spare))
        {
            ArrayPool<byte>.Shared.Return(spare);
        }
    }
}
