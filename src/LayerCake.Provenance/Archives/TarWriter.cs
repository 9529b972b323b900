using System.Text;

namespace LayerCake.Provenance;

/// <summary>
/// Writes a tar archive whose bytes depend on names, contents, links and execute marks only: owner 0, time 0, fixed modes. Headers are ustar; a pax header comes
/// before an entry only where its name, target or size does not fit.
/// </summary>
internal sealed class TarWriter(Stream output)
{
    private const int RecordBytes = 20 * TarFormat.BlockBytes;

    private readonly byte[] _block = new byte[ContentHasher.BlockBytes];
    private long _written;

    public void WriteFolder(string path) => WriteHeader(path + "/", TarFormat.Folder, 0, "", Convert.ToInt32("755", 8));

    public void WriteLink(string path, string target) => WriteHeader(path, TarFormat.SymbolicLink, 0, target, Convert.ToInt32("777", 8));

    /// <param name="path">Its name.</param>
    /// <param name="content">Exactly <paramref name="size"/> bytes.</param>
    /// <param name="size">The length.</param>
    /// <param name="executable">Whether it may be run.</param>
    /// <param name="token">Ends the copying.</param>
    /// <exception cref="ProvenanceException">The content has another length.</exception>
    public void WriteFile(string path, Stream content, long size, bool executable, CancellationToken token)
    {
        WriteHeader(path, TarFormat.File, size, "", Convert.ToInt32(executable ? "755" : "644", 8));
        var left = size;
        for (var count = 1; count > 0;)
        {
            token.ThrowIfCancellationRequested();
            count = content.Read(_block);
            left -= count;
            if (left < 0 || (count == 0 && left > 0))
            {
                throw new ProvenanceException($"{path} changed its size while it was archived; run again");
            }

            Write(_block.AsSpan(0, count));
        }

        Pad(TarFormat.BlockBytes);
    }

    /// <summary>The two empty blocks at the end, filled up to a record of 20 blocks as tar does.</summary>
    public void Finish()
    {
        Write(new byte[2 * TarFormat.BlockBytes]);
        Pad(RecordBytes);
    }

    private void WriteHeader(string path, byte type, long size, string target, int mode)
    {
        var (name, prefix) = Split(path);
        var extended = new StringBuilder();
        if (name is null)
        {
            AddRecord(extended, "path", path);
        }

        if (!Fits(target))
        {
            AddRecord(extended, "linkpath", target);
        }

        if (size > TarFormat.MaxSize)
        {
            AddRecord(extended, "size", size.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        if (extended.Length > 0)
        {
            var records = Encoding.UTF8.GetBytes(extended.ToString());
            WriteBlock("PaxHeader", "", TarFormat.Extended, records.Length, "", Convert.ToInt32("644", 8));
            Write(records);
            Pad(TarFormat.BlockBytes);
        }

        WriteBlock(name ?? "PaxData", prefix, type, size > TarFormat.MaxSize ? 0 : size, Fits(target) ? target : "", mode);
    }

    private void WriteBlock(string name, string prefix, byte type, long size, string target, int mode)
    {
        Span<byte> header = stackalloc byte[TarFormat.BlockBytes];
        header.Clear();
        Encoding.ASCII.GetBytes(name, header[TarFormat.Name]);
        WriteOctal(header[TarFormat.Mode], mode);
        WriteOctal(header[TarFormat.User], 0);
        WriteOctal(header[TarFormat.Group], 0);
        WriteOctal(header[TarFormat.Size], size);
        WriteOctal(header[TarFormat.Time], 0);
        header[TarFormat.Type] = type;
        Encoding.ASCII.GetBytes(target, header[TarFormat.LinkName]);
        "ustar\000"u8.CopyTo(header[TarFormat.Magic]);
        WriteOctal(header[TarFormat.DeviceMajor], 0);
        WriteOctal(header[TarFormat.DeviceMinor], 0);
        Encoding.ASCII.GetBytes(prefix, header[TarFormat.Prefix]);
        var sum = TarFormat.SumOf(header);
        WriteOctal(header[TarFormat.Checksum][..7], sum);
        header[TarFormat.Checksum][7] = (byte)' ';
        Write(header);
    }

    /// <summary>The name in one field, or in two at a slash; a null name where it does not fit.</summary>
    private static (string? Name, string Prefix) Split(string path)
    {
        if (Fits(path))
        {
            return (path, "");
        }

        if (Ascii.IsValid(path) && path.Length <= TarFormat.PrefixBytes + 1 + TarFormat.NameBytes)
        {
            var slash = path.IndexOf('/', Math.Max(0, path.Length - 1 - TarFormat.NameBytes));
            if (slash > 0 && slash <= TarFormat.PrefixBytes && slash < path.Length - 1)
            {
                return (path[(slash + 1)..], path[..slash]);
            }
        }

        return (null, "");
    }

    private static bool Fits(string text) => Ascii.IsValid(text) && text.Length <= TarFormat.NameBytes;

    /// <summary>A pax record: its own length in decimal, a space, name, '=', value, line feed.</summary>
    private static void AddRecord(StringBuilder records, string name, string value)
    {
        var rest = 3 + Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value);
        var length = rest + Digits(rest);
        length = rest + Digits(length);
        records.Append(System.Globalization.CultureInfo.InvariantCulture, $"{length} {name}={value}\n");
    }

    private static int Digits(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture).Length;

    /// <summary>Octal digits that end with a zero byte.</summary>
    private static void WriteOctal(Span<byte> field, long value)
    {
        for (var i = field.Length - 2; i >= 0; i--, value >>= 3)
        {
            field[i] = (byte)('0' + (value & 7));
        }

        field[^1] = 0;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _written += bytes.Length;
    }

    private void Pad(int to)
    {
        var rest = (int)(_written % to);
        if (rest > 0)
        {
            Write(new byte[to - rest]);
        }
    }
}
