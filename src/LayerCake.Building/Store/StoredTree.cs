using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Building;

/// <summary>The output of a step: a folder tree by name, its content lying in the store.</summary>
public sealed class StoredTree
{
    private StoredTree(IReadOnlyList<TreeEntry> entries)
    {
        Entries = entries;
        Digest = DigestOf(entries);
        foreach (var entry in entries)
        {
            if (entry is TreeEntry.File file)
            {
                TotalBytes = checked(TotalBytes + file.Size);
                FileCount++;
            }
        }
    }

    /// <summary>Sorted by path, ordinally.</summary>
    public IReadOnlyList<TreeEntry> Entries { get; }

    /// <summary>One digest for all: names, contents, execute bits, link targets.</summary>
    public Digest Digest { get; }

    public long TotalBytes { get; }

    public int FileCount { get; }

    /// <exception cref="FormatException">
    /// Two entries share a path, one lies below a file or a link, a size is negative, or a link leads out of the tree.
    /// </exception>
    public static StoredTree Create(IEnumerable<TreeEntry> entries)
    {
        var sorted = new List<TreeEntry>(entries);
        sorted.Sort(static (left, right) => left.Path.CompareTo(right.Path));
        var kinds = new Dictionary<RelativePath, TreeEntry>();
        foreach (var entry in sorted)
        {
            if (entry.Path.Value.Length == 0 || !kinds.TryAdd(entry.Path, entry))
            {
                throw new FormatException($"'{entry.Path}' is in the tree twice or has no name.");
            }

            if (entry is TreeEntry.File { Size: < 0 })
            {
                throw new FormatException($"'{entry.Path}' has a negative size.");
            }

            if (entry is TreeEntry.Link link && FaultOf(link) is { } fault)
            {
                throw new FormatException($"The link '{link.Path}' points to '{link.Target}': {fault}.");
            }
        }

        foreach (var entry in sorted)
        {
            // Below a link, a path would lead wherever the link does.
            for (var parent = entry.Path.Parent; parent is { } path; parent = path.Parent)
            {
                if (kinds.TryGetValue(path, out var above) && above is not TreeEntry.Folder)
                {
                    throw new FormatException($"'{entry.Path}' lies below '{path}', which is not a folder.");
                }
            }
        }

        try
        {
            return new StoredTree(sorted);
        }
        catch (OverflowException exception)
        {
            throw new FormatException("The sizes of its files add up to more than there can be.", exception);
        }
    }

    // Only leading ".." segments, at most as many as the link is deep: since no entry lies below a link, those are real folders of the tree, and
    // whatever follows goes down, through entries that obey the same rule.
    private static string? FaultOf(TreeEntry.Link link)
    {
        var depth = link.Path.Value.AsSpan().Count('/');
        var rest = link.Target;
        while (rest.StartsWith("../", StringComparison.Ordinal))
        {
            rest = rest[3..];
            depth--;
        }

        return depth < 0 ? "it leads out of the tree" : RelativePath.TryParse(rest, out _) ? null : "a link's target is relative and goes up only at its start";
    }

    private static Digest DigestOf(IReadOnlyList<TreeEntry> entries)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        foreach (var entry in entries)
        {
            WriteText(buffer, entry.Path.Value);
            switch (entry)
            {
                case TreeEntry.File file:
                    buffer.Write<byte>([1, file.Executable ? (byte)1 : (byte)0]);
                    BinaryPrimitives.WriteInt64LittleEndian(buffer.GetSpan(sizeof(long)), file.Size);
                    buffer.Advance(sizeof(long));
                    file.Content.CopyTo(buffer.GetSpan(Digest.ByteLength));
                    buffer.Advance(Digest.ByteLength);
                    break;
                case TreeEntry.Link link:
                    buffer.Write<byte>([2]);
                    WriteText(buffer, link.Target);
                    break;
                default:
                    buffer.Write<byte>([3]);
                    break;
            }
        }

        return Digest.Of(buffer.WrittenSpan);
    }

    private static void WriteText(ArrayBufferWriter<byte> buffer, string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        var span = buffer.GetSpan(sizeof(int) + count);
        BinaryPrimitives.WriteInt32LittleEndian(span, count);
        Encoding.UTF8.GetBytes(text, span[sizeof(int)..]);
        buffer.Advance(sizeof(int) + count);
    }
}
