namespace LayerCake.RemoteCaches.Tests;

/// <summary>Reads another stream and does something at a place in it.</summary>
internal sealed class BreakingStream(Stream inner, long at, Action action) : Stream
{
    private bool _done;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (inner.Position >= at && !_done)
        {
            _done = true;
            action();
        }

        // Up to the place, and not beyond it in the same read.
        var left = inner.Position < at ? at - inner.Position : count;
        return inner.Read(buffer, offset, (int)Math.Min(count, left));
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
