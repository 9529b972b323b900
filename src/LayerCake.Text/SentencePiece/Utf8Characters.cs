using System.Buffers;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>Characters in UTF-8 bytes, the way SentencePiece sees them.</summary>
internal static class Utf8Characters
{
    /// <summary>U+2581, which stands for a space in normalized text and in pieces.</summary>
    public static ReadOnlySpan<byte> Space => "\u2581"u8;

    /// <summary>U+FFFD, which stands for a byte that is not UTF-8.</summary>
    public static ReadOnlySpan<byte> Replacement => "\uFFFD"u8;

    /// <summary>How many bytes the first character takes by its first byte alone; at most what is there.</summary>
    public static int LengthAtStart(ReadOnlySpan<byte> text)
    {
        int length = text[0] switch
        {
            < 0xC0 => 1,
            < 0xE0 => 2,
            < 0xF0 => 3,
            _ => 4,
        };
        return Math.Min(length, text.Length);
    }

    /// <summary>How many bytes the first character takes, or 0 when the text does not begin with a whole, valid one.</summary>
    public static int ValidLengthAtStart(ReadOnlySpan<byte> text) =>
        text[0] < 0x80 ? 1
        : Rune.DecodeFromUtf8(text, out _, out int consumed) == OperationStatus.Done ? consumed
        : 0;

    /// <summary>
    /// Text of bytes that may not be UTF-8: every byte that belongs to no valid character becomes one U+FFFD. (.NET's decoder would
    /// give one for a whole truncated character.)
    /// </summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            int length = ValidLengthAtStart(bytes);
            text.Append(length == 0 ? "\uFFFD" : Encoding.UTF8.GetString(bytes[..length]));
            bytes = bytes[Math.Max(1, length)..];
        }

        return text.ToString();
    }
}
