using System.Collections.Concurrent;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace LayerCake.Provenance;

/// <summary>
/// Compresses in frames of eight megabytes of input, each by itself, many at once, written in their order. The bytes are the same on every number of cores, and
/// any zstd program reads them as one file.
/// </summary>
internal sealed class ZstdWriteStream : Stream
{
    public const int Level = 3;
    public const int FrameBytes = 8 << 20;

    // Each frame on its way holds its input and its output.
    private const int MaxAtOnce = 16;

    private readonly Stream _output;
    private readonly Queue<Task<byte[]>> _frames = new();
    private readonly int _atOnce = Math.Clamp(Environment.ProcessorCount, 1, MaxAtOnce);
    private readonly ConcurrentBag<byte[]> _free = [];
    private byte[] _input = new byte[FrameBytes];
    private int _count;

    /// <param name="output">Stays open.</param>
    public ZstdWriteStream(Stream output) => _output = output;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, FrameBytes - _count);
            buffer[..count].CopyTo(_input.AsSpan(_count));
            _count += count;
            buffer = buffer[count..];
            if (_count == FrameBytes)
            {
                EndFrame();
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Writes what is still on its way; nothing can be written after it.</summary>
    public void Finish()
    {
        if (_count > 0)
        {
            EndFrame();
        }

        while (_frames.Count > 0)
        {
            _output.Write(_frames.Dequeue().GetAwaiter().GetResult());
        }
    }

    // A frame ends where its input is full, never where a flush happens to come.
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void EndFrame()
    {
        if (_frames.Count >= _atOnce)
        {
            _output.Write(_frames.Dequeue().GetAwaiter().GetResult());
        }

        var (input, count) = (_input, _count);
        _frames.Enqueue(Task.Run(() =>
        {
            var frame = Compress(input.AsSpan(0, count));
            _free.Add(input);
            return frame;
        }));
        _input = _free.TryTake(out var free) ? free : new byte[FrameBytes];
        _count = 0;
    }

    private static byte[] Compress(ReadOnlySpan<byte> input)
    {
        using var compressor = new Compressor(Level);
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(input).ToArray();
    }
}
