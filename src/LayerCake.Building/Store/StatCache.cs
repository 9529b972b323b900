using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace LayerCake.Building;

/// <summary>
/// Digests of files by what the file system says of them, so that a build with nothing to do does not read gigabytes. Kept in one small file of the
/// store; a damaged one counts as empty. Safe to use from several threads.
/// </summary>
/// <remarks>
/// An entry counts only where the file was last changed at least two seconds before it was hashed: file systems keep coarse times (two seconds on
/// FAT), and a file changed again within the same tick would look unchanged. git calls such an entry racily clean.
/// </remarks>
public sealed class StatCache
{
    private const string Header = "layercake stat cache 1";
    private const int MaxEntries = 200_000;
    private const long MaxFileBytes = 64L << 20;
    private static readonly long Window = 2_000_000_000;

    private readonly string _path;
    private readonly Func<string> _newTemporaryFile;
    private readonly TimeProvider _time;
    private readonly IFaultHook _faults;
    private readonly ConcurrentDictionary<FileStat, Entry> _entries;
    private int _changed;

    internal StatCache(string path, Func<string> newTemporaryFile, TimeProvider time, IFaultHook faults)
    {
        _path = path;
        _newTemporaryFile = newTemporaryFile;
        _time = time;
        _faults = faults;
        _entries = Load(path);
    }

    /// <summary>The digest of a file's content, from memory where the file is unchanged, else by reading it.</summary>
    /// <exception cref="BuildException">The file cannot be read or changes all the time.</exception>
    public Digest DigestOf(string path, CancellationToken token)
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            if (FileStat.Of(path) is not { } before)
            {
                throw new BuildException($"cannot read {path}: there is no such file");
            }

            if (Find(before) is { } known)
            {
                return known;
            }

            var started = Now();
            var digest = StorageErrors.Guard("read", path, () => FileHasher.Hash(path, null, token));
            if (FileStat.Of(path) == before)
            {
                Set(before, new Entry(digest, started));
                return digest;
            }
        }

        throw new BuildException($"cannot read {path}: it changes while it is being read; wait until whatever writes it is done");
    }

    /// <summary>The digest that a file with these values is known to have; null where that is not certain.</summary>
    public Digest? Find(FileStat stat) =>
        _entries.TryGetValue(stat, out var entry) && entry.HashedNanoseconds - stat.LatestNanoseconds >= Window ? entry.Digest : null;

    /// <summary>Keeps a digest that is certain: the file is our own and nobody could write it between its last change and now.</summary>
    internal void Remember(FileStat stat, Digest digest) => Set(stat, new Entry(digest, stat.LatestNanoseconds + Window));

    /// <summary>Writes the cache, joined with what others wrote meanwhile. A cache that cannot be written costs time only: no error.</summary>
    public void Save()
    {
        if (Interlocked.Exchange(ref _changed, 0) == 0)
        {
            return;
        }

        foreach (var (stat, entry) in Load(_path))
        {
            _entries.TryAdd(stat, entry);
        }

        try
        {
            Folders.WriteWhole(_path, _newTemporaryFile(), Encoded(), () => _faults.Pass(FaultPoints.StatCacheWritten));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is BuildException)
        {
            // A read-only store serves hits all the same.
        }
    }

    private static ConcurrentDictionary<FileStat, Entry> Load(string path)
    {
        var entries = new ConcurrentDictionary<FileStat, Entry>();
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length > MaxFileBytes)
            {
                return entries;
            }

            var content = File.ReadAllBytes(path).AsSpan();
            const int FooterLength = 2 * Digest.ByteLength + 1;
            if (content.Length < FooterLength
                || !Digest.TryParse(Encoding.UTF8.GetString(content[^FooterLength..^1]), out var footer)
                || footer != Digest.Of(content[..^FooterLength]))
            {
                return entries;
            }

            var lines = Encoding.UTF8.GetString(content[..^FooterLength]).AsSpan().EnumerateLines();
            if (!lines.MoveNext() || !lines.Current.SequenceEqual(Header))
            {
                return entries;
            }

            while (lines.MoveNext())
            {
                if (TryParse(lines.Current, out var stat, out var entry))
                {
                    entries[stat] = entry;
                }
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // Unreadable: as if empty.
        }

        return entries;
    }

    private static bool TryParse(ReadOnlySpan<char> line, out FileStat stat, out Entry entry)
    {
        stat = default;
        entry = default;
        Span<Range> parts = stackalloc Range[8];
        if (line.Split(parts, ' ') != 7)
        {
            return false;
        }

        var culture = CultureInfo.InvariantCulture;
        if (!ulong.TryParse(line[parts[0]], NumberStyles.None, culture, out var device)
            || !ulong.TryParse(line[parts[1]], NumberStyles.None, culture, out var inode)
            || !long.TryParse(line[parts[2]], NumberStyles.None, culture, out var size)
            || !long.TryParse(line[parts[3]], NumberStyles.AllowLeadingSign, culture, out var modified)
            || !long.TryParse(line[parts[4]], NumberStyles.AllowLeadingSign, culture, out var changed)
            || !long.TryParse(line[parts[5]], NumberStyles.AllowLeadingSign, culture, out var hashed)
            || !Digest.TryParse(line[parts[6]], out var digest))
        {
            return false;
        }

        stat = new FileStat(device, inode, size, modified, changed);
        entry = new Entry(digest, hashed);
        return true;
    }

    private byte[] Encoded()
    {
        var kept = _entries.ToArray();
        if (kept.Length > MaxEntries)
        {
            Array.Sort(kept, static (left, right) => right.Value.HashedNanoseconds.CompareTo(left.Value.HashedNanoseconds));
            kept = kept[..(MaxEntries / 2)];
        }

        var text = new StringBuilder(Header.Length + 160 * kept.Length).Append(Header).Append('\n');
        foreach (var (stat, entry) in kept)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{stat.Device} {stat.Inode} {stat.Size} {stat.ModifiedNanoseconds} {stat.ChangedNanoseconds} {entry.HashedNanoseconds} {entry.Digest}\n");
        }

        var body = Encoding.UTF8.GetBytes(text.ToString());
        return [.. body, .. Encoding.UTF8.GetBytes($"{Digest.Of(body)}\n")];
    }

    private void Set(FileStat stat, Entry entry)
    {
        _entries[stat] = entry;
        Volatile.Write(ref _changed, 1);
    }

    private long Now() => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;

    private readonly record struct Entry(Digest Digest, long HashedNanoseconds);
}
