using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace LayerCake.Text;

/// <summary>The bytes of a text file, known to be UTF-8.</summary>
internal static class Utf8FileContent
{
    /// <summary>Returns the content without its byte order mark, or refuses what is not UTF-8 with the place of the first bad byte.</summary>
    public static ReadOnlySpan<byte> Check(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.StartsWith("\uFEFF"u8))
        {
            bytes = bytes["\uFEFF"u8.Length..];
            return Check(bytes, path, offsetInFile: "\uFEFF"u8.Length);
        }

        return Check(bytes, path, offsetInFile: 0);
    }

    private static ReadOnlySpan<byte> Check(ReadOnlySpan<byte> content, string path, int offsetInFile)
    {
        if (Utf8.IsValid(content))
        {
            return content;
        }

        int bad = FirstInvalidByte(content);
        int line = 1 + content[..bad].Count((byte)'\n');
        string hint = content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || content.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF])
            ? "It begins as UTF-16 does: save it as UTF-8."
            : "Save it as UTF-8.";
        throw new CalibrationDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"{path}: not UTF-8 at byte {offsetInFile + bad} (line {line}, value 0x{content[bad]:X2}). {hint}"));
    }

    private static int FirstInvalidByte(ReadOnlySpan<byte> content)
    {
        int position = 0;
        while (Rune.DecodeFromUtf8(content[position..], out _, out int consumed) == OperationStatus.Done)
        {
            position += consumed;
        }

        return position;
    }
}
