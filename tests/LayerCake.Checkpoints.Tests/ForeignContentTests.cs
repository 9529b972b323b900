using System.Text;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class ForeignContentTests
{
    private static readonly (byte[] Content, string Expected)[] Contents =
    [
        ([], "is empty"),
        (Encoding.ASCII.GetBytes("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n"), "is a Git LFS pointer"),
        (Encoding.ASCII.GetBytes("<!DOCTYPE html>\n<html><body>Sign in</body></html>"), "is a web page"),
        (Encoding.ASCII.GetBytes("\n  <HTML>"), "is a web page"),
        ([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e], "is in the old torch format"),
        ([.. new byte[257], .. "ustar\0"u8, .. new byte[249]], "is a tar archive"),
        ([0x1f, 0x8b, 8, 0], "is compressed with gzip"),
        ([.. "GGUF"u8, 3, 0, 0, 0], "is a GGUF file"),
        ([.. "Entry not found"u8], "is a short text (\"Entry not found\")"),
    ];

    [Test]
    public void What_lies_in_place_of_a_checkpoint_is_recognized([ValueSource(nameof(Contents))] (byte[] Content, string Expected) content)
    {
        using var folder = new TemporaryFolder();
        var (safetensors, torch) = (folder.At("model.safetensors"), folder.At("pytorch_model.bin"));
        File.WriteAllBytes(safetensors, content.Content);
        File.WriteAllBytes(torch, content.Content);

        Assert.That(() => SafetensorsFile.Open(safetensors), Throws.TypeOf<CheckpointException>().With.Message.StartsWith($"{safetensors} {content.Expected}"));
        Assert.That(() => TorchArchive.Open(torch), Throws.TypeOf<CheckpointException>().With.Message.StartsWith($"{torch} {content.Expected}"));
    }

    [Test]
    public void A_torch_archive_under_the_name_of_safetensors_is_recognized()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("model.safetensors");
        File.Copy(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"), path);

        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("is a zip archive, not safetensors"));
    }

    [Test]
    public void Safetensors_and_bare_pickles_under_the_name_of_a_torch_archive_are_recognized()
    {
        using var folder = new TemporaryFolder();
        var (safetensors, pickle) = (folder.At("a.bin"), folder.At("b.bin"));
        File.Copy(RepositoryFiles.Golden("internlm", "model", "model.safetensors"), safetensors);
        File.WriteAllBytes(pickle, new RawPickle().Add("}.").ToArray());

        Assert.That(() => TorchArchive.Open(safetensors), Throws.TypeOf<CheckpointException>().With.Message.Contains("is in the safetensors format"));
        Assert.That(() => TorchArchive.Open(pickle), Throws.TypeOf<CheckpointException>().With.Message.Contains("is a bare Python pickle"));
    }
}
