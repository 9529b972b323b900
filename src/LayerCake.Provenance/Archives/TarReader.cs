using System.Globalization;
using System.Text;

namespace LayerCake.Provenance;

/// <summary>
/// Reads a tar archive from outside, entry by entry: ustar, pax and GNU's long names. What it does not know it refuses; names come as they are, for the caller to
/// check.
/// </summary>
internal sealed class TarReader(Stream input, string what)
{
    private const int MaxExtendedBytes = 1 << 20;

    // A damaged name must not become another one by replacement.
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _header = new byte[TarFormat.BlockBytes];
    private long _left;
    private int _padding;

    /// <summary>The next entry; null at the end of the archive.</summary>
    /// <exception cref="ProvenanceException">The archive is damaged.</exception>
    public TarItem? Next()
    {
        Skip();
        string? path = null;
        string? target = null;
        long? size = null;
        while (true)
        {
            if (!ReadBlock())
            {
                throw new ProvenanceException($"{what} ends without the empty blocks at its end: it was cut off");
            }

            if (!_header.AsSpan().ContainsAnyExcept((byte)0))
            {
                CheckEnd();
                return null;
            }

            if (Number(TarFormat.Checksum) != TarFormat.SumOf(_header))
            {
                throw new ProvenanceException($"{what} has a header with a wrong checksum: it is damaged, or no tar archive");
            }

            var stated = Number(TarFormat.Size);
            var type = _header[TarFormat.Type];
            switch (type)
            {
                case TarFormat.Extended:
                    ReadRecords(stated, ref path, ref target, ref size);
                    break;
                case TarFormat.Global:
                    string? none = null;
                    long? noSize = null;
                    ReadRecords(stated, ref none, ref none, ref noSize);
                    if (none is not null || noSize is not null)
                    {
                        throw new ProvenanceException($"{what} gives all its entries one name or size: it was made to deceive");
                    }

                    break;
                case TarFormat.GnuLongName:
                    path = Text(ReadSmall(stated));
                    break;
                case TarFormat.GnuLongLink:
                    target = Text(ReadSmall(stated));
                    break;
                default:
                    return Enter(path ?? ShortPath(), type == 0 ? TarFormat.File : type, size ?? stated, target ?? Text(_header[TarFormat.LinkName]));
            }
        }
    }

    /// <summary>Reads of the entry's bytes; 0 at their end.</summary>
    public int Read(Span<byte> buffer)
    {
        if (_left == 0)
        {
            return 0;
        }

        var count = input.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (count == 0)
        {
            throw new ProvenanceException($"{what} ends in the middle of a file: it was cut off");
        }

        _left -= count;
        return count;
    }

    private TarItem Enter(string path, byte type, long size, string target)
    {
        // Only files have bytes; a folder or a link with a size would hide some.
        if (size > 0 && type != TarFormat.File)
        {
            throw new ProvenanceException($"{what}: '{PackagePath.Printable(path)}' is no file and has {size} bytes all the same");
        }

        Begin(size);
        return new TarItem(path, type, size, target);
    }

    private void Begin(long size)
    {
        _left = size;
        _padding = (int)((TarFormat.BlockBytes - size % TarFormat.BlockBytes) % TarFormat.BlockBytes);
    }

    private void Skip()
    {
        var buffer = new byte[Math.Min(_left + _padding, ContentHasher.BlockBytes)];
        while (_left > 0)
        {
            Read(buffer);
        }

        input.ReadExactlyOr(buffer.AsSpan(0, _padding), what);
        _padding = 0;
    }

    private bool ReadBlock()
    {
        var count = input.ReadAtLeast(_header, _header.Length, throwOnEndOfStream: false);
        return count == _header.Length || (count == 0 ? false : throw new ProvenanceException($"{what} ends in the middle of a header: it was cut off"));
    }

    /// <summary>Nothing but zeros may follow: what tar passes over, others might not.</summary>
    private void CheckEnd()
    {
        var buffer = new byte[64 * 1024];
        for (int count; (count = input.Read(buffer)) > 0;)
        {
            if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0))
            {
                throw new ProvenanceException($"{what} goes on after its end: something was appended");
            }
        }
    }

    private byte[] ReadSmall(long size)
    {
        if (size > MaxExtendedBytes)
        {
            throw new ProvenanceException($"{what} has an extended header of {size} bytes; at most {MaxExtendedBytes} are read");
        }

        var bytes = new byte[size];
        Begin(size);
        for (var at = 0; at < bytes.Length;)
        {
            at += Read(bytes.AsSpan(at));
        }

        Skip();
        return bytes;
    }

    private void ReadRecords(long size, ref string? path, ref string? target, ref long? length)
    {
        ReadOnlySpan<byte> rest = ReadSmall(size);
        while (rest.Length > 0)
        {
            var space = rest.IndexOf((byte)' ');
            if (space is <= 0 or > 7 || !int.TryParse(rest[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                || count > rest.Length || count <= space + 2 || rest[count - 1] != '\n')
            {
                throw new ProvenanceException($"{what} has a damaged pax header");
            }

            var record = rest[(space + 1)..(count - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw new ProvenanceException($"{what} has a pax record without a name");
            }

            var value = record[(equals + 1)..];
            switch (Text(record[..equals]))
            {
                case "path":
                    path = Text(value);
                    break;
                case "linkpath":
                    target = Text(value);
                    break;
                case "size":
                    length = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                        ? number
                        : throw new ProvenanceException($"{what} has a pax record with a size that is no number");
                    break;
                case var name when name.StartsWith("GNU.sparse", StringComparison.Ordinal):
                    throw new ProvenanceException($"{what} holds a sparse file; packages hold plain ones");
            }

            rest = rest[count..];
        }
    }

    private string ShortPath()
    {
        var name = Text(_header[TarFormat.Name]);
        var isPosix = _header.AsSpan(TarFormat.Magic).StartsWith("ustar\0"u8);
        var prefix = isPosix ? Text(_header[TarFormat.Prefix]) : "";
        return prefix.Length == 0 ? name : $"{prefix}/{name}";
    }

    /// <summary>The text before the first zero byte.</summary>
    private string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        try
        {
            return s_utf8.GetString(end < 0 ? field : field[..end]);
        }
        catch (ArgumentException exception)
        {
            throw new ProvenanceException($"{what} has a name that is not UTF-8", exception);
        }
    }

    /// <summary>Octal digits, or GNU's binary form of large numbers.</summary>
    private long Number(Range range)
    {
        var field = _header.AsSpan(range);
        var value = 0L;
        if (field[0] == 0x80)
        {
            foreach (var b in field[1..])
            {
                value = value >> 55 == 0 ? value << 8 | b : throw new ProvenanceException($"{what} has a header with a number that is too large");
            }

            return value;
        }

        foreach (var b in field.Trim((byte)' ').TrimEnd((byte)0).TrimEnd((byte)' '))
        {
            value = b is >= (byte)'0' and <= (byte)'7'
                ? value << 3 | (uint)(b - '0')
                : throw new ProvenanceException($"{what} has a header with a number that is none: it is damaged, or no tar archive");
        }

        return value;
    }
}
