using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Torch;

/// <summary>
/// Marks one needed symbol version of a 64-bit little-endian ELF library as weak, so that the loader accepts a system that lacks it.
/// Done only where that is true: no relocation may refer to a symbol of that version.
/// </summary>
/// <remarks>
/// The layout (System V ABI, "Symbol Versioning" in the Linux Standard Base):
/// <code>
/// SHT_GNU_verneed  Verneed { u16 version, u16 count, u32 file, u32 aux, u32 next }  one per library
///                  Vernaux { u32 hash, u16 flags, u16 index, u32 name, u32 next }   one per version of it; flag 2 is VER_FLG_WEAK
/// SHT_GNU_versym   u16 per dynamic symbol: the index of its version
/// SHT_RELA         Rela { u64 offset, u64 info, i64 addend }                        info >> 32 is the symbol
/// </code>
/// </remarks>
internal static class ElfVersionNeeds
{
    private const uint RelaSection = 4;
    private const uint VersionNeedSection = 0x6ffffffe;
    private const uint VersionSymbolSection = 0x6fffffff;
    private const int SectionHeaderSize = 64;
    private const int RelaSize = 24;
    private const ushort WeakFlag = 2;
    private const ushort VersionIndexMask = 0x7fff;

    /// <exception cref="TorchException">The file is no such library, does not need the version, or really uses a symbol of it.</exception>
    public static void Weaken(Span<byte> image, string version, string path)
    {
        try
        {
            var sections = Sections(image, path);
            var (entry, index) = FindNeed(image, sections, version) ?? throw new TorchException($"{path} does not need {version}.");
            if (FindUse(image, sections, index) is { } symbol)
            {
                throw new TorchException($"{path} uses symbol number {symbol} of {version}, which this system lacks. Use a system with a newer libstdc++.");
            }

            var flags = BinaryPrimitives.ReadUInt16LittleEndian(image[(entry + 4)..]);
            BinaryPrimitives.WriteUInt16LittleEndian(image[(entry + 4)..], (ushort)(flags | WeakFlag));
        }
        catch (Exception error) when (error is ArgumentOutOfRangeException or OverflowException or IndexOutOfRangeException)
        {
            throw new TorchException($"{path} is not a whole ELF library. Restore the packages and build again.", error);
        }
    }

    private static List<Section> Sections(ReadOnlySpan<byte> image, string path)
    {
        if (!image.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            throw new TorchException($"{path} is not a 64-bit little-endian ELF library. Restore the packages and build again.");
        }

        var table = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]));
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3c..]);
        var sections = new List<Section>(count);
        for (var i = 0; i < count; i++)
        {
            var header = image.Slice(checked(table + (i * SectionHeaderSize)), SectionHeaderSize);
            sections.Add(new Section(
                BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..])),
                checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x20..])),
                checked((int)BinaryPrimitives.ReadUInt32LittleEndian(header[0x28..])),
                BinaryPrimitives.ReadUInt32LittleEndian(header[0x2c..])));
        }

        return sections;
    }

    private static (int Entry, ushort Index)? FindNeed(ReadOnlySpan<byte> image, List<Section> sections, string version)
    {
        var name = Encoding.ASCII.GetBytes(version + '\0');
        foreach (var section in sections.Where(section => section.Type == VersionNeedSection))
        {
            var names = sections[section.Link].Offset;
            var library = section.Offset;
            for (var l = 0; l < section.Info; l++)
            {
                var entry = checked(library + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(library + 8)..]));
                var versions = BinaryPrimitives.ReadUInt16LittleEndian(image[(library + 2)..]);
                for (var v = 0; v < versions; v++)
                {
                    var at = checked(names + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(entry + 8)..]));
                    if (image[at..].StartsWith(name))
                    {
                        return (entry, BinaryPrimitives.ReadUInt16LittleEndian(image[(entry + 6)..]));
                    }

                    entry = checked(entry + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(entry + 12)..]));
                }

                library = checked(library + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(library + 12)..]));
            }
        }

        return null;
    }

    private static uint? FindUse(ReadOnlySpan<byte> image, List<Section> sections, ushort versionIndex)
    {
        var versions = sections.Single(section => section.Type == VersionSymbolSection);
        foreach (var section in sections.Where(section => section.Type == RelaSection))
        {
            for (var at = section.Offset; at < section.Offset + section.Size; at += RelaSize)
            {
                var symbol = BinaryPrimitives.ReadUInt32LittleEndian(image[(at + 12)..]);
                var index = BinaryPrimitives.ReadUInt16LittleEndian(image[checked(versions.Offset + (2 * (int)symbol))..]);
                if (symbol != 0 && (index & VersionIndexMask) == versionIndex)
                {
                    return symbol;
                }
            }
        }

        return null;
    }

    private readonly record struct Section(uint Type, int Offset, int Size, int Link, uint Info);
}
