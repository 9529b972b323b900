using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class SafetensorsWriterTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("internlm", "model", "model.safetensors")]
    [TestCase("internlm", "calib_input_ids.safetensors")]
    [TestCase("llama-gqa", "smoothed_layer0.safetensors")]
    public void Files_of_the_reference_implementation_are_written_again_byte_for_byte(params string[] golden)
    {
        var path = RepositoryFiles.Golden(golden);
        using var source = SafetensorsFile.Open(path);

        Write(source.Tensors, source.ReadAll, source.Metadata);

        Assert.That(File.ReadAllBytes(Target).AsSpan().SequenceEqual(File.ReadAllBytes(path)), Is.True);
    }

    [Test]
    public void What_is_written_is_read_back() => Generators.Tensors(Enum.GetValues<DType>()).Sample(
        tensors =>
        {
            Write([.. tensors.Select(tensor => tensor.Info)], name => tensors.Single(tensor => tensor.Info.Name == name).Bytes, new Dictionary<string, string> { ["ä\n"] = "\"" });
            using var file = SafetensorsFile.Open(Target);
            Assert.That(file.Tensors, Is.EquivalentTo(tensors.Select(tensor => tensor.Info)));
            Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["ä\n"] = "\"" }));
            foreach (var (info, bytes) in tensors)
            {
                Assert.That(file.ReadAll(info.Name), Is.EqualTo(bytes));
            }
        },
        iter: 200,
        threads: 1);

    [Test]
    public void Wider_elements_come_first_so_that_all_are_aligned()
    {
        Write([TensorInfo.Of("half", DType.F16, 3), TensorInfo.Of("int", DType.I32, 1), TensorInfo.Of("half2", DType.F16, 1)], _ => null);

        using var file = SafetensorsFile.Open(Target);

        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "int", "half", "half2" }));
    }

    [Test]
    public void Order_and_size_of_the_chunks_do_not_change_the_bytes()
    {
        TensorInfo[] tensors = [TensorInfo.Of("a", DType.U8, 1000), TensorInfo.Of("b", DType.U8, 500)];
        byte[] a = [.. Enumerable.Range(0, 1000).Select(value => (byte)value)], b = [.. Enumerable.Range(7, 500).Select(value => (byte)value)];
        Write(tensors, name => name == "a" ? a : b);
        var whole = File.ReadAllBytes(Target);

        using (var writer = SafetensorsWriter.Create(Target, tensors))
        {
            writer.WriteChunk("b", b.AsSpan(0, 1));
            writer.WriteChunk("a", a.AsSpan(0, 999));
            writer.WriteChunk("b", b.AsSpan(1));
            writer.WriteChunk("a", a.AsSpan(999));
            writer.Complete();
        }

        Assert.That(File.ReadAllBytes(Target), Is.EqualTo(whole));
    }

    [Test]
    public void Tensors_may_be_written_and_read_by_many_threads()
    {
        TensorInfo[] tensors = [.. Enumerable.Range(0, 64).Select(number => TensorInfo.Of($"t{number}", DType.U8, 10_000 + number))];
        using (var writer = SafetensorsWriter.Create(Target, tensors))
        {
            Parallel.ForEach(tensors, tensor => writer.Write(tensor.Name, Pattern(tensor)));
            writer.Complete();
        }

        using var file = SafetensorsFile.Open(Target);
        var wrong = 0;
        Parallel.ForEach(tensors, tensor => Interlocked.Add(ref wrong, file.ReadAll(tensor.Name).AsSpan().SequenceEqual(Pattern(tensor)) ? 0 : 1));

        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void A_file_linked_elsewhere_is_replaced_and_not_changed()
    {
        Write([TensorInfo.Of("old", DType.U8, 1)], _ => null);
        var before = File.ReadAllBytes(Target);
        var kept = _folder.At("kept.safetensors");
        File.CreateSymbolicLink(kept, "target-of-kept");
        File.Move(Target, _folder.At("target-of-kept"));
        File.CreateSymbolicLink(Target, "target-of-kept");

        Write([TensorInfo.Of("new", DType.U8, 1)], _ => null);

        Assert.That(File.ReadAllBytes(kept), Is.EqualTo(before));
        Assert.That(File.ReadAllBytes(Target), Is.Not.EqualTo(before));
    }

    [Test]
    [Platform("Linux")]
    public void A_disk_that_is_too_small_is_noticed_before_anything_is_written()
    {
        Assert.That(
            () => SafetensorsWriter.Create(Target, [TensorInfo.Of("large", DType.U8, 1L << 50)]),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith(Target).And.Message.Contains("that the disk has room"));
        Assert.That(File.Exists(Target), Is.False);
    }

    [Test]
    public void A_writer_that_is_not_completed_leaves_no_file()
    {
        using (var writer = SafetensorsWriter.Create(Target, [TensorInfo.Of("a", DType.U8, 2)]))
        {
            writer.Write("a", [1, 2]);
        }

        Assert.That(File.Exists(Target), Is.False);
    }

    [Test]
    public void A_tensor_that_is_not_full_prevents_completion()
    {
        using var writer = SafetensorsWriter.Create(Target, [TensorInfo.Of("a", DType.U8, 2)]);
        writer.WriteChunk("a", [1]);

        Assert.That(writer.Complete, Throws.InvalidOperationException.With.Message.Contains("1 of 2 bytes of tensor 'a'"));
    }

    [Test]
    public void More_bytes_than_a_tensor_has_are_refused()
    {
        using var writer = SafetensorsWriter.Create(Target, [TensorInfo.Of("a", DType.U8, 2)]);

        Assert.That(() => writer.Write("a", [1, 2, 3]), Throws.ArgumentException);
        Assert.That(() => writer.WriteChunk("a", [1, 2, 3]), Throws.InvalidOperationException);
        Assert.That(() => writer.Write("b", []), Throws.ArgumentException.With.Message.Contains("'b' was not announced"));
    }

    [TestCase("a", "a")]
    [TestCase("a", "__metadata__")]
    public void A_name_that_is_taken_is_refused(string first, string second) =>
        Assert.That(
            () => SafetensorsWriter.Create(Target, [TensorInfo.Of(first, DType.U8, 1), TensorInfo.Of(second, DType.U8, 1)]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains($"'{second}'"));

    [Test]
    public void A_file_that_cannot_be_created_is_named() =>
        Assert.That(
            () => SafetensorsWriter.Create(_folder.At("none", "x.safetensors"), []),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(_folder.At("none", "x.safetensors")));

    private static byte[] Pattern(TensorInfo tensor) => [.. Enumerable.Range((int)tensor.ByteCount, (int)tensor.ByteCount).Select(value => (byte)value)];

    private string Target => _folder.At("target.safetensors");

    private void Write(IReadOnlyList<TensorInfo> tensors, Func<string, byte[]?> bytes, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var writer = SafetensorsWriter.Create(Target, tensors, metadata);
        foreach (var tensor in tensors)
        {
            writer.Write(tensor.Name, bytes(tensor.Name) ?? new byte[tensor.ByteCount]);
        }

        writer.Complete();
    }
}
