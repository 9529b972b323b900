using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>Recognizes what commonly lies where a checkpoint should, by its first bytes, and says what to do.</summary>
internal static class ForeignContent
{
    private const int HeadByteCount = 512;

    /// <summary>The pickled integer that begins every non-zip torch file: PROTO 2, LONG1, 10 bytes, 0x1950a86a20f9469cfc6c.</summary>
    private static ReadOnlySpan<byte> LegacyTorchMagic => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    /// <summary>Throws when the file is empty or something known other than a checkpoint of the expected kind.</summary>
    public static void Refuse(InputFile file, string expected, bool zipIsExpected = false)
    {
        var head = file.Head(HeadByteCount);
        var found = Describe(head, zipIsExpected);
        if (found is not null)
        {
            throw new CheckpointException($"{file.Path} is {found}", new InvalidDataException($"Expected {expected}."));
        }
    }

    private static string? Describe(ReadOnlySpan<byte> head, bool zipIsExpected)
    {
        if (head.IsEmpty)
        {
            return "empty. Its download or copy did not finish; get it again.";
        }

        if (head.StartsWith("version https://git-lfs.github.com/spec/"u8))
        {
            return "a Git LFS pointer, not the file itself. Run 'git lfs pull' in the model's folder, or download the file itself.";
        }

        if (LooksLikeHtml(head))
        {
            return "a web page (HTML), not a checkpoint: probably an error or login page that was saved under this name. Download the file again, with the access it needs.";
        }

        if (head.StartsWith(LegacyTorchMagic))
        {
            return "in the old torch format (before PyTorch 1.6), which is not read here. Load it in a trusted environment with torch.load(..., weights_only=True) and save it again with torch.save, or get the model as safetensors.";
        }

        if (head.Length >= 262 && head[257..262].SequenceEqual("ustar"u8))
        {
            return "a tar archive. Unpack it and name the checkpoint inside it.";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            return "compressed with gzip. Decompress it first (gzip -d, or tar -xzf for an archive).";
        }

        if (!zipIsExpected && (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8)))
        {
            return "a zip archive, not safetensors: probably a torch checkpoint. Name it .bin or .pth, or convert it to safetensors.";
        }

        return null;
    }

    private static bool LooksLikeHtml(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(head).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase);
    }
}
