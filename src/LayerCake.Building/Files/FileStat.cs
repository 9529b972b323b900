using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Building;

/// <summary>
/// What the file system says of a file without reading it. A file whose five values are unchanged is taken for unchanged; the change time
/// (<c>ctime</c>) is the kernel's own, so setting the modification time back does not hide a change.
/// </summary>
/// <remarks>
/// From <c>statx</c> on Linux. Elsewhere there is no inode and no change time to be had without more native code: device is 0, the inode is made of the
/// path, and the change time is the creation time, so there a file that is rewritten with its old size and modification time is not seen.
/// </remarks>
public readonly record struct FileStat(ulong Device, ulong Inode, long Size, long ModifiedNanoseconds, long ChangedNanoseconds)
{
    private const int RegularFile = 0x8000;
    private const int TypeMask = 0xf000;
    private const int BufferBytes = 256;

    /// <summary>The later of the modification and the change time, in nanoseconds since 1970.</summary>
    internal long LatestNanoseconds => Math.Max(ModifiedNanoseconds, ChangedNanoseconds);

    /// <summary>The values of the regular file at <paramref name="path"/>, links followed; null where there is none.</summary>
    public static FileStat? Of(string path) => Of(path, out _);

    /// <param name="path">Links are followed.</param>
    /// <param name="names">How many names (hard links) the file has; 1 where that is not known.</param>
    internal static FileStat? Of(string path, out uint names)
    {
        names = 1;
        if (!OperatingSystem.IsLinux())
        {
            return OfPortable(path);
        }

        Span<byte> buffer = stackalloc byte[BufferBytes];
        if (NativeMethods.StatX(NativeMethods.CurrentFolder, path, 0, NativeMethods.BasicStats, buffer) != 0)
        {
            return null;
        }

        // struct statx: link count at 16, mode at 28.
        names = BinaryPrimitives.ReadUInt32LittleEndian(buffer[16..]);
        return (BinaryPrimitives.ReadUInt16LittleEndian(buffer[28..]) & TypeMask) == RegularFile ? Parse(buffer) : null;
    }

    /// <summary>Whether the open file is the one that <paramref name="path"/> names now. Linux only.</summary>
    internal static bool IsAt(SafeFileHandle handle, string path)
    {
        Span<byte> buffer = stackalloc byte[BufferBytes];
        var descriptor = (int)handle.DangerousGetHandle();
        if (Of(path) is not { } named || NativeMethods.StatX(descriptor, "", NativeMethods.EmptyPath, NativeMethods.BasicStats, buffer) != 0)
        {
            return false;
        }

        GC.KeepAlive(handle);
        var open = Parse(buffer);
        return open.Device == named.Device && open.Inode == named.Inode;
    }

    // struct statx: inode at 32, size at 40, ctime at 96, mtime at 112, device at 136 (major) and 140 (minor).
    private static FileStat Parse(ReadOnlySpan<byte> buffer) => new(
        (ulong)BinaryPrimitives.ReadUInt32LittleEndian(buffer[136..]) << 32 | BinaryPrimitives.ReadUInt32LittleEndian(buffer[140..]),
        BinaryPrimitives.ReadUInt64LittleEndian(buffer[32..]),
        BinaryPrimitives.ReadInt64LittleEndian(buffer[40..]),
        TimeAt(buffer[112..]),
        TimeAt(buffer[96..]));

    private static long TimeAt(ReadOnlySpan<byte> timestamp) =>
        unchecked(BinaryPrimitives.ReadInt64LittleEndian(timestamp) * 1_000_000_000 + BinaryPrimitives.ReadUInt32LittleEndian(timestamp[8..]));

    private static FileStat? OfPortable(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
        {
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        }

        if (!file.Exists)
        {
            return null;
        }

        Span<byte> name = stackalloc byte[Digest.ByteLength];
        Digest.Of(file.FullName).CopyTo(name);
        return new FileStat(0, BinaryPrimitives.ReadUInt64LittleEndian(name), file.Length, Nanoseconds(file.LastWriteTimeUtc), Nanoseconds(file.CreationTimeUtc));
    }

    private static long Nanoseconds(DateTime utc) => unchecked((utc - DateTime.UnixEpoch).Ticks * 100);
}
