using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>What a file was expected to be.</summary>
internal enum ExpectedContent
{
    Safetensors,
    TorchArchive,
    Json,
}

/// <summary>Recognizes what commonly lies where a checkpoint should, by its first bytes, and says what to do.</summary>
internal static class ForeignContent
{
    private const int HeadByteCount = 512;

    /// <summary>Answers of a server that were saved as a file ("Entry not found") are about this short; a checkpoint's header is not printable.</summary>
    private const int ShortTextByteCount = 2048;

    /// <summary>The pickled integer that begins every non-zip torch file: PROTO 2, LONG1, 10 bytes, 0x1950a86a20f9469cfc6c.</summary>
    private static ReadOnlySpan<byte> LegacyTorchMagic => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    /// <summary>Throws when the file is empty or something known other than a checkpoint of the expected kind.</summary>
    public static void Refuse(InputFile file, ExpectedContent expected)
    {
        var head = file.Head(HeadByteCount);
        var found = DescribeAnywhere(head) ?? (expected == ExpectedContent.Json ? null : DescribeNoJson(head, file.Length, expected));
        if (found is not null)
        {
            throw new CheckpointException($"{file.Path} is {found}");
        }
    }

    private static string? DescribeAnywhere(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty)
        {
            return "empty. Its download or copy did not finish; get it again.";
        }

        if (head.StartsWith("version https://git-lfs.github.com/spec/"u8))
        {
            return "a Git LFS pointer, not the file itself. Run 'git lfs pull' in the model's folder, or download the file itself.";
        }

        return LooksLikeMarkup(head)
            ? "a web page (HTML), not a model file: probably an error or login page that was saved under this name. Download the file again, with the access it needs."
            : null;
    }

    private static string? DescribeNoJson(ReadOnlySpan<byte> head, long length, ExpectedContent expected)
    {
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

        if (head.StartsWith("GGUF"u8))
        {
            return "a GGUF file (llama.cpp), which is already quantized. Take the original model in the Hugging Face format.";
        }

        if (expected == ExpectedContent.Safetensors && (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8)))
        {
            return "a zip archive, not safetensors: probably a torch checkpoint. Name it .bin or .pth, or convert it to safetensors.";
        }

        if (expected == ExpectedContent.TorchArchive && LooksLikeSafetensors(head))
        {
            return "in the safetensors format. Name it .safetensors.";
        }

        if (expected == ExpectedContent.TorchArchive && head.Length > 2 && head[0] == (byte)PickleOpcode.Proto && head[1] is >= 2 and <= 5)
        {
            return "a bare Python pickle, not an archive of torch.save. Save the state dict with torch.save, or get the model as safetensors.";
        }

        return length <= ShortTextByteCount && IsText(head)
            ? $"a short text (\"{Encoding.ASCII.GetString(head[..Math.Min(head.Length, 60)]).ReplaceLineEndings(" ")}\"), not a checkpoint. Download the file again."
            : null;
    }

    private static bool IsText(ReadOnlySpan<byte> head)
    {
        foreach (var value in head)
        {
            if (value is not ((>= (byte)' ' and <= (byte)'~') or (byte)'\r' or (byte)'\n' or (byte)'\t'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool LooksLikeSafetensors(ReadOnlySpan<byte> head) =>
        head.Length > 8 && head[8] == (byte)'{' && BinaryPrimitives.ReadUInt64LittleEndian(head) <= SafetensorsHeader.MaxHeaderByteCount;

    private static bool LooksLikeMarkup(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(head).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase);
    }
}
