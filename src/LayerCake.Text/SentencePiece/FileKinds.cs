using System.Globalization;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>Knows what is often found under the name of a tokenizer and is none.</summary>
internal static class FileKinds
{
    public static void RefuseOther(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
        {
            throw new TokenizerException($"{name}: the file is empty. Download the tokenizer.model again.");
        }

        if (bytes.StartsWith("version https://git-lfs"u8))
        {
            throw new TokenizerException(
                $"{name}: this is a Git LFS pointer, not the file itself. Fetch the content (git lfs pull) or download tokenizer.model.");
        }

        var head = bytes.TrimStart(" \t\r\n\uFEFF"u8);
        head = head[..Math.Min(head.Length, 64)];
        string start = Encoding.Latin1.GetString(head);
        if (start.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase)
            || start.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || start.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase))
        {
            throw new TokenizerException(
                $"{name}: this is a web page, not a SentencePiece model: a download saved the page about the file. Download tokenizer.model itself.");
        }

        if (start.StartsWith('{'))
        {
            throw new TokenizerException(
                $"{name}: this is JSON, not a SentencePiece model. A tokenizer.json does not serve; the file tokenizer.model is needed.");
        }

        // A SentencePiece model begins with its first piece: field 1, a message.
        if (bytes[0] is not (0x0A or 0x12 or 0x1A or 0x22 or 0x2A))
        {
            throw new TokenizerException(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: not a SentencePiece model: it begins with byte 0x{bytes[0]:X2}. Download the tokenizer.model again."));
        }
    }
}
