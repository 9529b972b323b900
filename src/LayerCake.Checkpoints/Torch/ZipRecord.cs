using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>
/// One stored file of a zip being written, laid out as PyTorch's writer does it: data aligned to 64 bytes through an extra field "FB", size and CRC in a
/// descriptor after the data, zip64 fields where a size or offset needs them (caffe2/serialize/inline_container.cc over miniz).
/// </summary>
internal sealed class ZipRecord
{
    public const int Alignment = 64;

    private const int LocalHeaderByteCount = 30;
    private const ushort Utf8Flag = 0x0800;
    private const ushort DescriptorFlag = 0x0008;

    private readonly byte[] _name;
    private readonly int _paddingByteCount;

    public ZipRecord(string name, long byteCount, long headerOffset)
    {
        Name = name;
        ByteCount = byteCount;
        HeaderOffset = headerOffset;
        _name = Encoding.UTF8.GetBytes(name);
        var unpadded = headerOffset + LocalHeaderByteCount + _name.Length + Zip64Extra().Length + PaddingHeaderByteCount;
        _paddingByteCount = (int)(-unpadded & (Alignment - 1));
        DataOffset = unpadded + _paddingByteCount;
    }

    public string Name { get; }

    public long ByteCount { get; }

    public long HeaderOffset { get; }

    public long DataOffset { get; }

    /// <summary>Known once the data has come.</summary>
    public uint Crc32 { get; set; }

    /// <summary>Where the next record begins.</summary>
    public long End => DataOffset + ByteCount + DescriptorByteCount;

    private static int PaddingHeaderByteCount => 4;

    private bool IsWide => ByteCount >= uint.MaxValue || HeaderOffset >= uint.MaxValue;

    private int DescriptorByteCount => ByteCount == 0 ? 0 : IsWide ? 24 : 16;

    private ushort Flags => (ushort)(Utf8Flag | (ByteCount == 0 ? 0 : DescriptorFlag));

    /// <summary>What stands before the data: sizes and CRC are left to the descriptor.</summary>
    public byte[] LocalHeader()
    {
        var writer = new ZipFields();
        var zip64 = Zip64Extra(isLocal: true);
        writer.UInt32(0x04034b50);
        writer.UInt16(0);
        writer.UInt16(Flags);
        writer.Zeros(2 + 4 + 4 + 4 + 4);
        writer.UInt16(_name.Length);
        writer.UInt16(zip64.Length + PaddingHeaderByteCount + _paddingByteCount);
        writer.Bytes(_name);
        writer.Bytes(zip64);
        writer.Bytes("FB"u8);
        writer.UInt16(_paddingByteCount);
        writer.Fill((byte)'Z', _paddingByteCount);
        return writer.ToArray();
    }

    /// <summary>What stands after the data; nothing for an empty record.</summary>
    public byte[] Descriptor()
    {
        if (ByteCount == 0)
        {
            return [];
        }

        var writer = new ZipFields();
        writer.UInt32(0x08074b50);
        writer.UInt32(Crc32);
        for (var copy = 0; copy < 2; copy++)
        {
            if (IsWide)
            {
                writer.UInt64(ByteCount);
            }
            else
            {
                writer.UInt32((uint)ByteCount);
            }
        }

        return writer.ToArray();
    }

    public byte[] DirectoryHeader()
    {
        var writer = new ZipFields();
        var zip64 = Zip64Extra();
        writer.UInt32(0x02014b50);
        writer.UInt16(0);
        writer.UInt16(0);
        writer.UInt16(Flags);
        writer.Zeros(2 + 4);
        writer.UInt32(Crc32);
        writer.UInt32(Narrow(ByteCount));
        writer.UInt32(Narrow(ByteCount));
        writer.UInt16(_name.Length);
        writer.UInt16(zip64.Length);
        writer.Zeros(2 + 2 + 2 + 4);
        writer.UInt32(Narrow(HeaderOffset));
        writer.Bytes(_name);
        writer.Bytes(zip64);
        return writer.ToArray();
    }

    /// <summary>The end of the archive; torch always writes the zip64 form before the plain one.</summary>
    public static byte[] ArchiveEnd(int recordCount, long directoryOffset, long directoryByteCount)
    {
        var writer = new ZipFields();
        writer.UInt32(0x06064b50);
        writer.UInt64(44);
        writer.UInt16(0x031e);
        writer.UInt16(0x002d);
        writer.Zeros(4 + 4);
        writer.UInt64(recordCount);
        writer.UInt64(recordCount);
        writer.UInt64(directoryByteCount);
        writer.UInt64(directoryOffset);

        writer.UInt32(0x07064b50);
        writer.Zeros(4);
        writer.UInt64(directoryOffset + directoryByteCount);
        writer.UInt32(1);

        writer.UInt32(0x06054b50);
        writer.Zeros(2 + 2);
        writer.UInt16(Math.Min(recordCount, ushort.MaxValue));
        writer.UInt16(Math.Min(recordCount, ushort.MaxValue));
        writer.UInt32(Narrow(directoryByteCount));
        writer.UInt32(Narrow(directoryOffset));
        writer.Zeros(2);
        return writer.ToArray();
    }

    private static uint Narrow(long value) => (uint)Math.Min(value, uint.MaxValue);

    /// <param name="isLocal">In the local header PyTorch leaves the stored size to the descriptor.</param>
    private byte[] Zip64Extra(bool isLocal = false)
    {
        if (!IsWide)
        {
            return [];
        }

        var writer = new ZipFields();
        writer.UInt16(1);
        writer.UInt16((ByteCount >= uint.MaxValue ? 16 : 0) + (HeaderOffset >= uint.MaxValue ? 8 : 0));
        if (ByteCount >= uint.MaxValue)
        {
            writer.UInt64(ByteCount);
            writer.UInt64(isLocal ? 0 : ByteCount);
        }

        if (HeaderOffset >= uint.MaxValue)
        {
            writer.UInt64(HeaderOffset);
        }

        return writer.ToArray();
    }

    /// <summary>Little-endian fields one after another.</summary>
    private sealed class ZipFields
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public void UInt16(int value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_bytes.GetSpan(2), checked((ushort)value));
            _bytes.Advance(2);
        }

        public void UInt32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(4), value);
            _bytes.Advance(4);
        }

        public void UInt64(long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(8), value);
            _bytes.Advance(8);
        }

        public void Bytes(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

        public void Zeros(int count) => Fill(0, count);

        public void Fill(byte value, int count)
        {
            _bytes.GetSpan(count)[..count].Fill(value);
            _bytes.Advance(count);
        }

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
    }
}
