namespace LayerCake.Provenance;

/// <summary>Reads a stream on a thread of its own, one block ahead: unpacking and hashing go on at once.</summary>
internal sealed class ReadAheadStream(Stream source) : Stream
{
    private byte[] _current = new byte[ContentHasher.BlockBytes];
    private byte[] _next = new byte[ContentHasher.BlockBytes];
    private Task<int>? _reading;
    private int _at;
    private int _count;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (_at == _count && !Advance())
        {
            return 0;
        }

        var count = Math.Min(buffer.Length, _count - _at);
        _current.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The source may not be closed under a read; its failure no longer matters.
            _reading?.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Advance()
    {
        _reading ??= Start();
        _count = _reading.GetAwaiter().GetResult();
        _at = 0;
        (_current, _next) = (_next, _current);
        _reading = _count > 0 ? Start() : Task.FromResult(0);
        return _count > 0;
    }

    private Task<int> Start()
    {
        var into = _next;
        return Task.Run(() => source.ReadAtLeast(into, into.Length, throwOnEndOfStream: false));
    }
}
