using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>One stored (uncompressed) file of a zip.</summary>
/// <param name="Name">Its path inside the archive.</param>
/// <param name="DataOffset">Where its bytes begin in the archive.</param>
/// <param name="ByteCount">How many there are.</param>
/// <param name="Crc32">Their CRC-32 as the directory has it.</param>
internal sealed record ZipEntry(string Name, long DataOffset, long ByteCount, uint Crc32);

/// <summary>
/// The directory of a zip archive, zip64 included, as PyTorch writes them: stored, not encrypted, on one disk (PKWARE APPNOTE 4.3). Nothing in it is
/// trusted: records must lie inside the file, agree with their local headers and not overlap.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50;
    private const uint Zip64EndSignature = 0x06064b50;
    private const uint Zip64LocatorSignature = 0x07064b50;
    private const uint CentralSignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;
    private const int EndByteCount = 22;
    private const int Zip64EndByteCount = 56;
    private const int Zip64LocatorByteCount = 20;
    private const int CentralByteCount = 46;
    private const int LocalByteCount = 30;
    private const int MaxCommentByteCount = ushort.MaxValue;
    private const long MaxDirectoryByteCount = 256L << 20;

    public static Dictionary<string, ZipEntry> Read(InputFile file)
    {
        var (directoryOffset, directoryLength, entryCount) = FindDirectory(file);
        if (directoryLength > MaxDirectoryByteCount || entryCount > directoryLength / CentralByteCount)
        {
            throw Fault(file, $"its zip directory claims {entryCount} records in {directoryLength} bytes");
        }

        var directory = GC.AllocateUninitializedArray<byte>((int)directoryLength);
        file.ReadExactly(directoryOffset, directory);
        var entries = new Dictionary<string, ZipEntry>((int)entryCount, StringComparer.Ordinal);
        var extents = new List<(long Begin, long End, string Name)>((int)entryCount);
        var rest = directory.AsSpan();
        for (var index = 0L; index < entryCount; index++)
        {
            var record = CentralRecord.Take(file, ref rest);
            var dataOffset = LocateData(file, record, directoryOffset);
            if (!entries.TryAdd(record.Name, new ZipEntry(record.Name, dataOffset, record.ByteCount, record.Crc32)))
            {
                throw Fault(file, $"its zip directory names '{record.Name}' twice");
            }

            extents.Add((record.HeaderOffset, dataOffset + record.ByteCount, record.Name));
        }

        RequireApart(file, extents);
        return entries;
    }

    private static void RequireApart(InputFile file, List<(long Begin, long End, string Name)> extents)
    {
        extents.Sort();
        for (var index = 1; index < extents.Count; index++)
        {
            if (extents[index].Begin < extents[index - 1].End)
            {
                throw Fault(file, $"its zip records '{extents[index - 1].Name}' and '{extents[index].Name}' overlap");
            }
        }
    }

    private static (long Offset, long Length, long EntryCount) FindDirectory(InputFile file)
    {
        var tail = new byte[Math.Min(file.Length, EndByteCount + MaxCommentByteCount)];
        file.ReadExactly(file.Length - tail.Length, tail);
        for (var position = tail.Length - EndByteCount; position >= 0; position--)
        {
            var end = tail.AsSpan(position);
            if (UInt32(end, 0) == EndSignature && UInt16(end, 20) == end.Length - EndByteCount)
            {
                return ReadEnd(file, end, file.Length - end.Length);
            }
        }

        throw new CheckpointException(
            $"{file.Path} has no zip directory at its end, so it is not a whole torch checkpoint: it was cut off, or is something else. Download or copy it again.");
    }

    private static (long Offset, long Length, long EntryCount) ReadEnd(InputFile file, ReadOnlySpan<byte> end, long endOffset)
    {
        ulong count = UInt16(end, 10), length = UInt32(end, 12), offset = UInt32(end, 16);
        var directoryEnd = endOffset;
        if (endOffset >= Zip64LocatorByteCount)
        {
            Span<byte> locator = stackalloc byte[Zip64LocatorByteCount];
            file.ReadExactly(endOffset - Zip64LocatorByteCount, locator);
            if (UInt32(locator, 0) == Zip64LocatorSignature)
            {
                (count, length, offset, directoryEnd) = ReadZip64End(file, UInt64(locator, 8), endOffset, (count, length, offset));
            }
        }

        // Compared without sums, which a hostile file could make overflow.
        if (offset > (ulong)directoryEnd || length != (ulong)directoryEnd - offset)
        {
            throw Fault(file, $"its zip directory should be {length} bytes at {offset}, but ends at {directoryEnd}");
        }

        return ((long)offset, (long)length, count <= (ulong)(long.MaxValue) ? (long)count : long.MaxValue);
    }

    private static (ulong Count, ulong Length, ulong Offset, long DirectoryEnd) ReadZip64End(
        InputFile file, ulong recordOffset, long endOffset, (ulong Count, ulong Length, ulong Offset) narrow)
    {
        if (recordOffset > (ulong)endOffset || (ulong)endOffset - recordOffset < Zip64EndByteCount + Zip64LocatorByteCount)
        {
            throw Fault(file, "its zip64 locator points outside the file");
        }

        Span<byte> record = stackalloc byte[Zip64EndByteCount];
        file.ReadExactly((long)recordOffset, record);
        if (UInt32(record, 0) != Zip64EndSignature)
        {
            throw Fault(file, "its zip64 locator points to something else");
        }

        ulong count = UInt64(record, 32), length = UInt64(record, 40), offset = UInt64(record, 48);
        if (!Agree(narrow.Count, count, ushort.MaxValue) || !Agree(narrow.Length, length, uint.MaxValue) || !Agree(narrow.Offset, offset, uint.MaxValue))
        {
            throw Fault(file, "its zip and zip64 directories disagree");
        }

        return (count, length, offset, (long)recordOffset);
    }

    /// <summary>The narrow field is the wide one, or says by all ones that it does not fit.</summary>
    private static bool Agree(ulong narrow, ulong wide, ulong saturated) => narrow == wide || narrow == saturated;

    private static long LocateData(InputFile file, in CentralRecord record, long directoryOffset)
    {
        if (record.HeaderOffset > directoryOffset - LocalByteCount)
        {
            throw Fault(file, $"its zip record '{record.Name}' lies outside the file");
        }

        Span<byte> header = stackalloc byte[LocalByteCount];
        file.ReadExactly(record.HeaderOffset, header);
        int nameLength = UInt16(header, 26), extraLength = UInt16(header, 28);
        var dataOffset = record.HeaderOffset + LocalByteCount + nameLength + extraLength;
        if (UInt32(header, 0) != LocalSignature || UInt16(header, 8) != 0 || nameLength != record.NameByteCount
            || dataOffset > directoryOffset || record.ByteCount > directoryOffset - dataOffset)
        {
            throw Fault(file, $"its zip record '{record.Name}' and the directory disagree");
        }

        return dataOffset;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static CheckpointException Fault(InputFile file, string what) => new($"{file.Path}: {what}. The file is damaged; download or copy it again.");

    private readonly record struct CentralRecord(string Name, int NameByteCount, long HeaderOffset, long ByteCount, uint Crc32)
    {
        public static CentralRecord Take(InputFile file, ref Span<byte> rest)
        {
            if (rest.Length < CentralByteCount || UInt32(rest, 0) != CentralSignature)
            {
                throw Fault(file, "its zip directory ends too early");
            }

            int nameLength = UInt16(rest, 28), extraLength = UInt16(rest, 30), commentLength = UInt16(rest, 32);
            var length = CentralByteCount + nameLength + extraLength + commentLength;
            if (rest.Length < length)
            {
                throw Fault(file, "its zip directory ends too early");
            }

            var name = Encoding.UTF8.GetString(rest.Slice(CentralByteCount, nameLength));
            if ((UInt16(rest, 8) & 1) != 0)
            {
                throw new CheckpointException($"{file.Path}: its record '{name}' is encrypted. Decrypt the archive first.");
            }

            if (UInt16(rest, 10) != 0)
            {
                throw new CheckpointException(
                    $"{file.Path}: its record '{name}' is compressed, which torch.save never does. If this zip holds a model folder, unpack it and name the folder.");
            }

            ulong stored = UInt32(rest, 20), size = UInt32(rest, 24), offset = UInt32(rest, 42);
            ReadZip64Extra(rest.Slice(CentralByteCount + nameLength, extraLength), ref size, ref stored, ref offset);
            if (stored != size || size > long.MaxValue || offset > long.MaxValue)
            {
                throw Fault(file, $"the sizes of its zip record '{name}' contradict each other");
            }

            var crc = UInt32(rest, 16);
            rest = rest[length..];
            return new CentralRecord(name, nameLength, (long)offset, (long)size, crc);
        }

        /// <summary>Extra field 1 has, in this order, those of the three that are all ones in the record itself (APPNOTE 4.5.3).</summary>
        private static void ReadZip64Extra(ReadOnlySpan<byte> extra, ref ulong size, ref ulong stored, ref ulong offset)
        {
            while (extra.Length >= 4)
            {
                int id = UInt16(extra, 0), length = Math.Min(UInt16(extra, 2), extra.Length - 4);
                var content = extra.Slice(4, length);
                if (id == 1)
                {
                    TakeWide(ref content, ref size);
                    TakeWide(ref content, ref stored);
                    TakeWide(ref content, ref offset);
                    return;
                }

                extra = extra[(4 + length)..];
            }
        }

        private static void TakeWide(ref ReadOnlySpan<byte> content, ref ulong value)
        {
            if (value == uint.MaxValue && content.Length >= 8)
            {
                value = UInt64(content, 0);
                content = content[8..];
            }
        }
    }
}
