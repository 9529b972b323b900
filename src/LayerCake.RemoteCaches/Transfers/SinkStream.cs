namespace LayerCake.RemoteCaches;

/// <summary>The caller's stream that takes a download; what it throws is marked as the caller's.</summary>
internal sealed class SinkStream : Stream
{
    private readonly Stream _sink;

    /// <param name="open">Makes the stream, which is owned and disposed.</param>
    public SinkStream(Func<Stream> open)
    {
        try
        {
            _sink = open();
        }
        catch (Exception exception)
        {
            throw new LocalException(exception);
        }
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            _sink.Write(buffer, offset, count);
        }
        catch (Exception exception)
        {
            throw new LocalException(exception);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await _sink.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw new LocalException(exception);
        }
    }

    public override void Flush() => _sink.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _sink.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            throw new LocalException(exception);
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _sink.Dispose();
        }

        base.Dispose(disposing);
    }
}
