using System.IO.Compression;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class ZipDirectoryTests
{
    private TemporaryFolder _folder = null!;

    private string Target => _folder.At("archive.pth");

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Compressed_records_are_refused()
    {
        using (var zip = ZipFile.Open(Target, ZipArchiveMode.Create))
        {
            using var stream = zip.CreateEntry("archive/data.pkl", CompressionLevel.Optimal).Open();
            stream.Write(new byte[1000]);
        }

        Assert.That(() => TorchArchive.Open(Target), Throws.TypeOf<CheckpointException>().With.Message.Contains("'archive/data.pkl' is compressed"));
    }

    [Test]
    public void Records_of_the_same_name_are_refused()
    {
        RawPickle.SaveZip(Target, ("a/data.pkl", [1]), ("a/data.pkl", [2]));

        Assert.That(() => TorchArchive.Open(Target), Throws.TypeOf<CheckpointException>().With.Message.Contains("names 'a/data.pkl' twice"));
    }

    [Test]
    public void A_truncated_archive_is_refused_at_any_length()
    {
        var bytes = File.ReadAllBytes(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"));
        for (var length = 0; length < bytes.Length; length += length < bytes.Length - 200 ? 97 : 1)
        {
            File.WriteAllBytes(Target, bytes[..length]);

            Assert.That(() => TorchArchive.Open(Target), Throws.TypeOf<CheckpointException>().With.Message.StartsWith(Target), $"{length}");
        }
    }

    [Test]
    public void A_pickle_with_a_wrong_checksum_is_refused()
    {
        var bytes = File.ReadAllBytes(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"));
        bytes[64 + 9] ^= 1;
        File.WriteAllBytes(Target, bytes);

        Assert.That(() => TorchArchive.Open(Target), Throws.TypeOf<CheckpointException>().With.Message.Contains("checksum"));
    }

    [Test]
    public void Random_damage_to_the_directory_gives_a_message_or_a_sound_result()
    {
        var sound = File.ReadAllBytes(RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth"));
        var random = new Random(2);
        var refused = 0;
        for (var round = 0; round < 700; round++)
        {
            var bytes = sound.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[^random.Next(1, 900)] = (byte)random.Next(256);
            }

            refused += IsRefused(bytes) ? 1 : 0;
        }

        Assert.That(refused, Is.GreaterThan(300));
    }

    [Test]
    public void Random_damage_to_the_pickle_gives_a_message_or_a_sound_result()
    {
        var path = RepositoryFiles.Golden("internlm", "work_dir", "key_stats.pth");
        byte[] pickle;
        using (var zip = ZipFile.OpenRead(path))
        {
            using var memory = new MemoryStream();
            using var stream = zip.GetEntry("key_stats/data.pkl")!.Open();
            stream.CopyTo(memory);
            pickle = memory.ToArray();
        }

        var storages = Enumerable.Range(0, 6).Select(number => ($"a/data/{number}", new byte[512])).ToArray();
        var random = new Random(3);
        var refused = 0;
        for (var round = 0; round < 500; round++)
        {
            var damaged = pickle.ToArray();
            for (var flips = random.Next(1, 5); flips > 0; flips--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            File.Delete(Target);
            RawPickle.SaveZip(Target, [("a/data.pkl", damaged), .. storages]);
            refused += IsRefused(File.ReadAllBytes(Target)) ? 1 : 0;
        }

        Assert.That(refused, Is.GreaterThan(150));
    }

    private bool IsRefused(byte[] bytes)
    {
        File.WriteAllBytes(Target, bytes);
        try
        {
            using var archive = TorchArchive.Open(Target);
            foreach (var tensor in archive.Tensors)
            {
                Assert.That(archive.ReadAll(tensor.Name), Has.Length.EqualTo(tensor.ByteCount));
            }

            return false;
        }
        catch (CheckpointException exception)
        {
            Assert.That(exception.Message, Does.StartWith(Target));
            return true;
        }
    }
}
