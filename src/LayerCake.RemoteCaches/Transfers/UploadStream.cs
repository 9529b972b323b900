using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>
/// Content on its way to a server: says how long it is, tells the idle timer of each step, and keeps apart what fails on this side (reading the file) from what
/// fails on the other, because libraries wrap both alike.
/// </summary>
internal sealed class UploadStream : Stream
{
    private readonly Stream _source;
    private readonly IdleTimer _idle;
    private readonly string _what;
    private long _position;

    /// <param name="what">For messages.</param>
    /// <param name="open">Makes the stream to read, which is owned and disposed.</param>
    /// <param name="size">How many bytes it must have.</param>
    /// <param name="idle">Wound up with each read: a read means that the server took what came before.</param>
    public UploadStream(string what, Func<Stream> open, long size, IdleTimer idle)
    {
        (_what, Length, _idle) = (what, size, idle);
        try
        {
            _source = open();
        }
        catch (Exception exception)
        {
            throw new LocalException(exception);
        }
    }

    /// <summary>Why the source could not be read; null where it could.</summary>
    public Exception? Failure { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => _source.CanSeek;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override int Read(Span<byte> buffer)
    {
        try
        {
            _idle.Touch();
            var take = Bounded(buffer.Length);
            return Counted(_source.Read(buffer[..take]), take);
        }
        catch (Exception exception)
        {
            Failure = exception;
            throw;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            _idle.Touch();
            var take = Bounded(buffer.Length);
            return Counted(await _source.ReadAsync(buffer[..take], cancellationToken).ConfigureAwait(false), take);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Failure = exception;
            throw;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin)
    {
        var target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => Length + offset,
        };
        _source.Position = target;
        return _position = target;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Bounded(int wanted) => (int)Math.Min(wanted, Length - _position);

    private int Counted(int read, int wanted)
    {
        if (read == 0 && wanted > 0)
        {
            throw new RemoteCacheException($"{_what}: the content to upload ended after {_position:N0} of {Length:N0} bytes");
        }

        _position += read;
        return read;
    }
}
