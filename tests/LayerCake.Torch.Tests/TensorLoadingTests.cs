using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Tests;

internal sealed class TensorLoadingTests
{
    [OneTimeSetUp]
    public void Load() => LibTorch.EnsureLoaded();

    [Test]
    public void A_tensor_arrives_with_its_dtype_shape_and_values()
    {
        Half[] values = [(Half)1, (Half)(-2), (Half)0.5, (Half)65504, (Half)6e-8, Half.NegativeZero];
        using var source = new MemoryTensorSource().With("w", DType.F16, [2, 3], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

        using var tensor = TensorLoading.Load(source, "w");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.dtype, Is.EqualTo(ScalarType.Float16));
            Assert.That(tensor.shape, Is.EqualTo(new long[] { 2, 3 }));
            Assert.That(MemoryMarshal.Cast<byte, Half>(tensor.bytes).ToArray(), Is.EqualTo(values));
        }
    }

    [Test]
    public void Bfloat16_and_float32_are_rounded_to_float16_ties_to_even()
    {
        // 1 + 2^-11 lies halfway between two float16 values; bfloat16 70000 is beyond the range.
        using var source = new MemoryTensorSource()
            .With("b", DType.BF16, [2], [0x89, 0x47, 0x80, 0x3f])
            .With("f", DType.F32, [2], MemoryMarshal.AsBytes<float>([1f + (1f / 2048), 1f + (3f / 2048)]).ToArray());

        using var b = TensorLoading.Load(source, "b", ScalarType.Float16);
        using var f = TensorLoading.Load(source, "f", ScalarType.Float16);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(MemoryMarshal.Cast<byte, Half>(b.bytes).ToArray(), Is.EqualTo(new[] { Half.PositiveInfinity, (Half)1 }));
            Assert.That(MemoryMarshal.Cast<byte, Half>(f.bytes).ToArray(), Is.EqualTo(new[] { (Half)1, (Half)(1 + (2f / 1024)) }));
        }
    }

    [Test]
    public void An_absent_tensor_is_named()
    {
        using var source = new MemoryTensorSource();

        Assert.That(() => TensorLoading.Load(source, "lm_head.weight"), Throws.TypeOf<CheckpointException>().With.Message.Contains("lm_head.weight"));
    }

    [Test]
    public void A_dtype_that_libtorch_lacks_is_refused()
    {
        using var source = new MemoryTensorSource().With("u", DType.U16, [1], [0, 0]);

        Assert.That(() => TensorLoading.Load(source, "u"), Throws.TypeOf<CheckpointException>().With.Message.Contains("U16"));
    }

    [Test]
    public void A_scalar_and_an_empty_tensor_load()
    {
        using var source = new MemoryTensorSource().With("s", DType.I64, [], [5, 0, 0, 0, 0, 0, 0, 0]).With("e", DType.F32, [0, 4], []);

        using var scalar = TensorLoading.Load(source, "s");
        using var empty = TensorLoading.Load(source, "e");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(scalar.item<long>(), Is.EqualTo(5));
            Assert.That(empty.shape, Is.EqualTo(new long[] { 0, 4 }));
        }
    }
}
