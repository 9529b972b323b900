using System.Buffers.Binary;
using System.IO.Compression;

namespace LayerCake.Reporting.Tests;

/// <summary>The pixels of a PNG file with 8 bits a channel, as browsers write them (PNG specification, third edition, 9 and 11).</summary>
internal sealed class Picture
{
    private readonly byte[] _pixels;
    private readonly int _channels;

    private Picture(byte[] file, int width, int height, int channels, byte[] pixels) => (File, Width, Height, _channels, _pixels) = (file, width, height, channels, pixels);

    public byte[] File { get; }

    public int Width { get; }

    public int Height { get; }

    public int Colour(int x, int y)
    {
        var pixel = _pixels.AsSpan(((y * Width) + x) * _channels);
        return (pixel[0] << 16) | (pixel[1] << 8) | pixel[2];
    }

    public static Picture Read(string path)
    {
        var file = System.IO.File.ReadAllBytes(path);
        using var compressed = new MemoryStream();
        var (width, height, channels) = (0, 0, 0);
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            var (kind, data) = (System.Text.Encoding.ASCII.GetString(file, at + 4, 4), file.AsMemory(at + 8, length));
            if (kind == "IHDR")
            {
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(data.Span), BinaryPrimitives.ReadInt32BigEndian(data.Span[4..]));
                channels = (data.Span[8], data.Span[9]) switch
                {
                    (8, 2) => 3,
                    (8, 6) => 4,
                    _ => throw new NotSupportedException("not 8-bit colour"),
                };
            }
            else if (kind == "IDAT")
            {
                compressed.Write(data.Span);
            }

            at += length + 12;
        }

        compressed.Position = 0;
        using var inflated = new ZLibStream(compressed, CompressionMode.Decompress);
        var (stride, pixels) = (width * channels, new byte[width * height * channels]);
        for (var y = 0; y < height; y++)
        {
            var filter = inflated.ReadByte();
            var row = pixels.AsSpan(y * stride, stride);
            inflated.ReadExactly(row);
            var above = y > 0 ? pixels.AsSpan((y - 1) * stride, stride) : new byte[stride];
            for (var x = 0; x < stride; x++)
            {
                var left = x >= channels ? row[x - channels] : 0;
                row[x] += (byte)(filter switch
                {
                    0 => 0,
                    1 => left,
                    2 => above[x],
                    3 => (left + above[x]) / 2,
                    _ => Paeth(left, above[x], x >= channels ? above[x - channels] : 0),
                });
            }
        }

        return new Picture(file, width, height, channels, pixels);
    }

    private static int Paeth(int left, int above, int corner)
    {
        var estimate = left + above - corner;
        var (a, b, c) = (Math.Abs(estimate - left), Math.Abs(estimate - above), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left : b <= c ? above : corner;
    }
}
