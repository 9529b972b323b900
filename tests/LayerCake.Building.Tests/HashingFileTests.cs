using System.Security.Cryptography;
using LayerCake.Testing;

namespace LayerCake.Building.Tests;

/// <summary>A file that is hashed while it is written.</summary>
public sealed class HashingFileTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(1 << 20)]
    [TestCase((1 << 20) + 1)]
    [TestCase(11_000_003)]
    public void Its_digest_is_that_of_its_content_however_it_is_written(int size)
    {
        using var fixture = new BuildFixture();
        var content = new byte[size];
        new Random(1).NextBytes(content);
        var file = new HashingFile(fixture.At("f"), size);
        var piece = 1;
        for (var at = 0; at < size; at += piece, piece = Math.Min(2 * piece + 1, 3_000_000))
        {
            file.Write(content.AsSpan(at, Math.Min(piece, size - at)));
        }

        file.Dispose();

        Assert.That(file.Finish(), Is.EqualTo(new Digest(SHA256.HashData(content))), "to dispose of it ends the writing only");
        Assert.That(File.ReadAllBytes(fixture.At("f")), Elements.AreThoseOf(content));
    }

    [Test]
    public void It_takes_no_more_bytes_than_it_shall_have_and_has_no_digest_with_fewer()
    {
        using var fixture = new BuildFixture();
        var file = new HashingFile(fixture.At("f"), 3);

        file.Write([1, 2]);
        Assert.That(() => file.Write([3, 4]), Throws.InstanceOf<InvalidDataException>());
        Assert.That(file.Finish(), Is.Null);
        Assert.That(() => file.Write([3]), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void What_the_disk_refuses_is_told_apart_from_what_the_cache_does()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("/dev/full is Linux's");
        }

        using var fixture = new BuildFixture();
        File.CreateSymbolicLink(fixture.At("full"), "/dev/full");
        using var download = new Download(fixture.At("full"), 10, _ => { });
        var stream = download.Open();

        Assert.That(() => stream.Write(new byte[10]), Throws.InstanceOf<IOException>());
        Assert.That(download.LocalFault, Is.InstanceOf<IOException>());
        Assert.That(StorageErrors.Explain(download.LocalFault!, "store what came", "/store").Message, Does.Contain("no space left on the device"));
    }

    [Test]
    public void A_retry_starts_from_the_front_and_a_late_writer_writes_nowhere()
    {
        using var fixture = new BuildFixture();
        var content = "right"u8.ToArray();
        using var download = new Download(fixture.At("f"), content.Length, _ => { });
        var late = download.Open();
        late.Write("wr"u8);
        var stream = download.Open();
        stream.Write(content);

        Assert.That(() => late.Write("ong"u8), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(download.Finish(), Is.EqualTo(Digest.Of(content)));
        Assert.That(() => download.Open(), Throws.InstanceOf<ObjectDisposedException>());
    }
}
