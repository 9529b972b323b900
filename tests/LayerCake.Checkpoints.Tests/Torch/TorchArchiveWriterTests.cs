using System.IO.Compression;
using System.Security.Cryptography;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class TorchArchiveWriterTests
{
    private static readonly DType[] TorchDTypes = [.. Enum.GetValues<DType>().Where(dtype => TorchGlobal.StorageName(dtype) is not null)];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("internlm", "work_dir", "key_stats.pth")]
    [TestCase("internlm", "work_dir", "value_stats.pth")]
    [TestCase("internlm", "work_dir", "inputs_stats.pth")]
    [TestCase("internlm", "work_dir", "outputs_stats.pth")]
    [TestCase("llama-gqa", "work_dir", "key_stats.pth")]
    [TestCase("llama-gqa", "work_dir", "inputs_stats.pth")]
    [TestCase("internlm", "awq", "pytorch_model.bin")]
    [TestCase("llama-sharded-bf16", "awq", "pytorch_model.bin")]
    [TestCase("llama-sharded-bf16", "model", "pytorch_model-00001-of-00002.bin")]
    [TestCase("llama-sharded-bf16", "model", "pytorch_model-00002-of-00002.bin")]
    public void Files_of_pytorch_are_written_again_byte_for_byte(params string[] golden)
    {
        var path = RepositoryFiles.Golden(golden);
        using var source = TorchArchive.Open(path);
        var target = _folder.At(golden[^1]);

        Write(target, Layout((TorchDictionary)source.Root), source);

        Assert.That(File.ReadAllBytes(target).AsSpan().SequenceEqual(File.ReadAllBytes(path)), Is.True);
    }

    [Test]
    public void What_is_written_is_read_back([Values(true, false)] bool isOrderedDict) => Generators.Tensors(TorchDTypes).Sample(
        tensors =>
        {
            var path = _folder.At("written.bin");
            using (var writer = TorchArchiveWriter.Create(path, TorchLayout.Flat(tensors.Select(tensor => tensor.Info), isOrderedDict)))
            {
                foreach (var (info, bytes) in tensors)
                {
                    writer.Write(info.Name, bytes);
                }

                writer.Complete();
            }

            using var archive = TorchArchive.Open(path);
            Assert.That(archive.Tensors, Is.EqualTo(tensors.Select(tensor => tensor.Info)));
            Assert.That(((TorchDictionary)archive.Root).IsOrderedDict, Is.EqualTo(isOrderedDict));
            foreach (var (info, bytes) in tensors)
            {
                Assert.That(archive.ReadAll(info.Name), Is.EqualTo(bytes));
            }
        },
        iter: 150,
        threads: 1);

    /// <summary>SHA-256 (first 8 bytes) of what PyTorch 2.11 saves for <c>{f't{i}': torch.zeros(1, dtype=torch.uint8) for i in range(count)}</c> and its OrderedDict.</summary>
    [TestCase(0, false, "0b2a93de445927ff")]
    [TestCase(0, true, "86f5f739cfe060ff")]
    [TestCase(1, false, "9fc10d53cf6701c0")]
    [TestCase(1, true, "477e564726e04b70")]
    [TestCase(2, false, "4332c566848d6547")]
    [TestCase(2, true, "879e09f621764fca")]
    [TestCase(1000, false, "647371267c739afc")]
    [TestCase(1000, true, "500901f2911af09b")]
    [TestCase(1001, false, "6366e4565ae2ea8a")]
    [TestCase(1001, true, "744726312ed087dc")]
    [TestCase(2000, false, "ea7f29d44b1de1ed")]
    [TestCase(2000, true, "fb36510ab9bca9d7")]
    [TestCase(2001, false, "51c01649d0dca587")]
    [TestCase(2001, true, "f3276aa3d4a73e7f")]
    public void Dictionaries_of_any_size_are_grouped_as_python_groups_them(int count, bool isOrderedDict, string expectedDigest)
    {
        TensorInfo[] tensors = [.. Enumerable.Range(0, count).Select(number => TensorInfo.Of($"t{number}", DType.U8, 1))];
        var path = _folder.At($"many-{count}-{isOrderedDict}.bin");
        using (var writer = TorchArchiveWriter.Create(path, TorchLayout.Flat(tensors, isOrderedDict)))
        {
            foreach (var tensor in tensors)
            {
                writer.Write(tensor.Name, [0]);
            }

            writer.Complete();
        }

        Assert.That(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))[..16], Is.EqualTo(expectedDigest));
        using var archive = TorchArchive.Open(path);
        Assert.That(archive.Tensors, Is.EqualTo(tensors));
    }

    [Test]
    public void Order_and_size_of_the_chunks_do_not_change_the_bytes()
    {
        var layout = TorchLayout.Flat([TensorInfo.Of("a", DType.U8, 1000), TensorInfo.Of("b", DType.U8, 500)]);
        byte[] a = [.. Enumerable.Range(0, 1000).Select(value => (byte)value)], b = [.. Enumerable.Range(7, 500).Select(value => (byte)value)];
        var path = _folder.At("chunks.bin");
        using (var writer = TorchArchiveWriter.Create(path, layout))
        {
            writer.Write("a", a);
            writer.Write("b", b);
            writer.Complete();
        }

        using (var writer = TorchArchiveWriter.Create(_folder.At("renamed.tmp"), layout, archiveName: "chunks"))
        {
            writer.WriteChunk("b", b.AsSpan(0, 499));
            writer.WriteChunk("a", a.AsSpan(0, 1));
            writer.WriteChunk("a", a.AsSpan(1));
            writer.WriteChunk("b", b.AsSpan(499));
            writer.Complete();
        }

        Assert.That(File.ReadAllBytes(_folder.At("renamed.tmp")), Is.EqualTo(File.ReadAllBytes(path)));
    }

    [Test]
    public void Other_zip_readers_accept_the_archive()
    {
        var path = _folder.At("w.bin");
        using (var writer = TorchArchiveWriter.Create(path, TorchLayout.Flat([TensorInfo.Of("a", DType.U8, 3), TensorInfo.Of("empty", DType.F32, 0)])))
        {
            writer.Write("a", [1, 2, 3]);
            writer.Complete();
        }

        using var zip = ZipFile.OpenRead(path);
        using var stream = zip.GetEntry("w/data/0")!.Open();
        var bytes = new byte[3];
        stream.ReadExactly(bytes);
        Assert.That(bytes, Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(zip.Entries.Select(entry => entry.FullName), Is.EqualTo(new[]
        {
            "w/data.pkl", "w/.format_version", "w/.storage_alignment", "w/byteorder", "w/data/0", "w/data/1", "w/version", "w/.data/serialization_id",
        }));
    }

    [Test]
    [Category("Slow")]
    public void Tensors_beyond_4_GiB_use_zip64_and_are_read_back()
    {
        var path = _folder.At("large.bin");
        const long Count = 5L << 30;
        using (var writer = TorchArchiveWriter.Create(path, TorchLayout.Flat([TensorInfo.Of("large", DType.U8, Count), TensorInfo.Of("after", DType.U8, 2)])))
        {
            var chunk = new byte[64 << 20];
            for (var written = 0L; written < Count; written += chunk.Length)
            {
                chunk[^1]++;
                writer.WriteChunk("large", chunk);
            }

            writer.Write("after", [8, 9]);
            writer.Complete();
        }

        using var archive = TorchArchive.Open(path);
        var last = new byte[1];
        archive.Read("large", Count - 1, last);
        Assert.That(last[0], Is.EqualTo(80));
        Assert.That(archive.ReadAll("after"), Is.EqualTo(new byte[] { 8, 9 }));
    }

    [Test]
    public void Element_types_without_a_torch_storage_are_refused() =>
        Assert.That(
            () => TorchArchiveWriter.Create(_folder.At("x.bin"), TorchLayout.Flat([TensorInfo.Of("w", DType.F8E4M3, 1)])),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("'w'").And.Message.Contains("F8_E4M3"));

    [Test]
    public void A_name_that_is_taken_is_refused() =>
        Assert.That(
            () => TorchArchiveWriter.Create(_folder.At("x.bin"), TorchLayout.Flat([TensorInfo.Of("w", DType.U8, 1), TensorInfo.Of("w", DType.U8, 1)])),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("'w'"));

    [Test]
    public void A_writer_that_is_not_completed_leaves_no_file()
    {
        var path = _folder.At("x.bin");
        using (var writer = TorchArchiveWriter.Create(path, TorchLayout.Flat([TensorInfo.Of("w", DType.U8, 1)])))
        {
            Assert.That(writer.Complete, Throws.InvalidOperationException.With.Message.Contains("0 of 1 bytes of tensor 'w'"));
        }

        Assert.That(File.Exists(path), Is.False);
    }

    private static TorchLayout Layout(TorchDictionary dictionary) => dictionary.Entries.All(entry => entry.Value is TorchDictionary)
        ? TorchLayout.Nested(dictionary.Entries.Select(entry => KeyValuePair.Create(entry.Key, Layout((TorchDictionary)entry.Value))), dictionary.IsOrderedDict)
        : TorchLayout.Flat(dictionary.Entries.Select(entry => TensorInfo.Of(entry.Key, ((TorchTensor)entry.Value).DType, ((TorchTensor)entry.Value).Shape.AsSpan())), dictionary.IsOrderedDict);

    private static void Write(string path, TorchLayout layout, TorchArchive source)
    {
        using var writer = TorchArchiveWriter.Create(path, layout);
        foreach (var tensor in source.Tensors)
        {
            writer.Write(tensor.Name, source.ReadAll(tensor.Name));
        }

        writer.Complete();
    }
}
