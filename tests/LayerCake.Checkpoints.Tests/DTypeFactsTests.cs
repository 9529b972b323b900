namespace LayerCake.Checkpoints.Tests;

public sealed class DTypeFactsTests
{
    [Test]
    public void Every_type_is_found_again_by_its_names([Values] DType dtype)
    {
        Assert.That(DTypeFacts.TryParseSafetensors(dtype.SafetensorsName(), out var bySafetensors), Is.True);
        Assert.That(DTypeFacts.TryParseTorch($"torch.{dtype.TorchName()}", out var byTorch), Is.True);
        Assert.That(bySafetensors, Is.EqualTo(dtype));
        Assert.That(byTorch, Is.EqualTo(dtype));
    }

    [TestCase(DType.F16, 2)]
    [TestCase(DType.BF16, 2)]
    [TestCase(DType.Bool, 1)]
    [TestCase(DType.C64, 8)]
    public void Sizes_are_in_bytes(DType dtype, int expected) => Assert.That(dtype.ByteSize(), Is.EqualTo(expected));

    [Test]
    public void Types_smaller_than_a_byte_have_no_byte_size()
    {
        Assert.That(() => DType.F4.ByteSize(), Throws.TypeOf<CheckpointException>().With.Message.Contains("F4"));
        Assert.That(DType.F4.ByteCount(6), Is.EqualTo(3));
        Assert.That(() => DType.F4.ByteCount(5), Throws.TypeOf<CheckpointException>());
        Assert.That(() => DType.F64.ByteCount(long.MaxValue), Throws.TypeOf<CheckpointException>());
    }

    [Test]
    public void Tensors_with_equal_shapes_are_equal()
    {
        Assert.That(TensorInfo.Of("a", DType.U8, 2, 3), Is.EqualTo(new TensorInfo("a", DType.U8, [2, 3], 6)));
        Assert.That(TensorInfo.Of("a", DType.U8, 2, 3), Is.Not.EqualTo(new TensorInfo("a", DType.U8, [3, 2], 6)));
        Assert.That(() => TensorInfo.Of("a", DType.U8, -1), Throws.TypeOf<CheckpointException>().With.Message.Contains("'a'"));
    }
}
