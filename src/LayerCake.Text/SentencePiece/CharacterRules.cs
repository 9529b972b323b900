using System.Buffers.Binary;
using System.Globalization;

namespace LayerCake.Text.SentencePiece;

/// <summary>
/// A precompiled character map: which character sequences normalization replaces, and by what. The blob is
/// <c>uint32 size, double array trie of that size, replacements ended by NUL</c>; a unit of the trie (darts-clone) is
/// <code>
/// bit 31      the unit is a value (its low 31 bits)
/// bits 10-30  distance to the children, times 256 where bit 9 is set
/// bit 8       a value hangs below this unit
/// bits 0-7    the byte that leads here
/// </code>
/// </summary>
internal sealed class CharacterRules
{
    // The longest one of Unicode's own (U+FDFA under NFKC) has 33 bytes.
    private const int LongestReplacement = 1024;

    private readonly uint[] _units;
    private readonly ReadOnlyMemory<byte> _replacements;

    private CharacterRules(uint[] units, ReadOnlyMemory<byte> replacements)
    {
        _units = units;
        _replacements = replacements;
    }

    /// <exception cref="TokenizerException">The blob's sizes do not fit together.</exception>
    public static CharacterRules Parse(ReadOnlyMemory<byte> blob, string name)
    {
        var bytes = blob.Span;
        if (bytes.Length <= 4)
        {
            throw Broken(name, "is too short");
        }

        uint trieSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (trieSize >= bytes.Length - 4 || trieSize < 4 || trieSize % 4 != 0)
        {
            throw Broken(name, string.Create(
                CultureInfo.InvariantCulture, $"claims a trie of {trieSize} bytes and has {bytes.Length - 4}"));
        }

        var units = new uint[trieSize / 4];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + (i * 4))..]);
        }

        var replacements = blob[(4 + (int)trieSize)..];
        RefuseLongReplacements(replacements.Span, name);
        return new CharacterRules(units, replacements);
    }

    /// <summary>Whether a rule can begin with this byte.</summary>
    public bool MayBeginWith(byte first)
    {
        uint node = OffsetOf(_units[0]) ^ first;
        return node < _units.Length && (_units[node] & 0x8000_00FF) == first;
    }

    /// <summary>The longest rule that <paramref name="text"/> begins with: how many bytes it takes, 0 for none, and what they become.</summary>
    public int LongestRule(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> replacement)
    {
        int length = 0;
        uint value = 0;
        uint node = OffsetOf(_units[0]);
        for (int i = 0; i < text.Length; i++)
        {
            node ^= text[i];
            if (node >= _units.Length)
            {
                break;
            }

            uint unit = _units[node];
            if ((unit & 0x8000_00FF) != text[i])
            {
                break;
            }

            node ^= OffsetOf(unit);
            if ((unit & 0x100) != 0 && node < _units.Length)
            {
                length = i + 1;
                value = _units[node] & 0x7FFF_FFFF;
            }
        }

        replacement = length == 0 || value >= _replacements.Length ? default : _replacements.Span[(int)value..];
        int end = replacement.IndexOf((byte)0);
        replacement = end < 0 ? replacement : replacement[..end];
        return length;
    }

    /// <summary>One of megabytes would turn a short text into one that fits no memory.</summary>
    private static void RefuseLongReplacements(ReadOnlySpan<byte> replacements, string name)
    {
        foreach (var range in replacements.Split((byte)0))
        {
            int length = replacements[range].Length;
            if (length > LongestReplacement)
            {
                throw Broken(name, string.Create(
                    CultureInfo.InvariantCulture, $"has a replacement of {length} bytes, more than the {LongestReplacement} allowed"));
            }
        }
    }

    private static uint OffsetOf(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private static TokenizerException Broken(string name, string fault) =>
        new($"{name}: the normalization table {fault}. Download the tokenizer.model again.");
}
