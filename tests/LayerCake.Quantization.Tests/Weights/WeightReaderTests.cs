using System.Collections.Immutable;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Weights;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Weights;

public sealed class WeightReaderTests
{
    [Test]
    public void Float32_is_rounded_to_nearest_even()
    {
        float[] values = [1.00048828125f, 1.00146484375f, -0.1f, 65519.99f, 5.9e-8f, 2.9e-8f, -0f, .. Enumerable.Range(0, 40).Select(i => i * 0.37f)];

        var read = Read(DType.F32, MemoryMarshal.AsBytes(values.AsSpan()), values.Length);

        Assert.That(read.Bits(), Is.EqualTo(Array.ConvertAll(values, value => (Half)value).Bits()));
    }

    [Test]
    public void Every_bfloat16_that_fits_is_rounded_to_nearest_even()
    {
        var values = Enumerable.Range(0, 0x10000).Select(bits => (ushort)bits).Where(bits => (bits & 0x7FFF) < 0x4780).ToArray();

        var read = Read(DType.BF16, MemoryMarshal.AsBytes(values.AsSpan()), values.Length);

        Assert.That(read.Bits(), Is.EqualTo(Array.ConvertAll(values, bits => (Half)BitConverter.UInt32BitsToSingle((uint)bits << 16)).Bits()));
    }

    [TestCase(DType.F16, float.NaN, "NaN")]
    [TestCase(DType.F16, float.PositiveInfinity, "Infinity")]
    [TestCase(DType.F16, float.NegativeInfinity, "-Infinity")]
    [TestCase(DType.BF16, float.NaN, "NaN")]
    [TestCase(DType.BF16, float.NegativeInfinity, "-Infinity")]
    [TestCase(DType.BF16, 70000f, "70144")]
    [TestCase(DType.F32, float.NaN, "NaN")]
    [TestCase(DType.F32, float.PositiveInfinity, "Infinity")]
    [TestCase(DType.F32, 65520f, "65520")]
    public void What_float16_cannot_hold_is_refused_by_tensor_position_and_value(DType dtype, float value, string shown)
    {
        foreach (var place in new[] { 0, 39, 70 })
        {
            var values = new float[71];
            values[place] = value;

            Assert.That(
                () => Read(dtype, Encode(values, dtype), 71),
                Throws.TypeOf<QuantizationException>().With.Message.Contains($"tensor w holds {shown} at [{place}]"));
        }
    }

    [TestCase(65519.99f)]
    [TestCase(-65519.99f)]
    public void The_largest_float32_that_rounds_to_a_finite_value_is_taken(float value)
    {
        Assert.That(Read(DType.F32, MemoryMarshal.AsBytes(new[] { value }.AsSpan()), 1), Is.EqualTo([(Half)MathF.CopySign(65504, value)]));
    }

    [Test]
    public void Streaming_in_pieces_gives_what_reading_whole_gives()
    {
        const int Count = (2 << 20) + 5;
        var values = Enumerable.Range(0, Count).Select(i => (Half)(i % 1000)).ToArray();
        using var folder = new TemporaryFolder();
        using var source = Source(folder, DType.F16, MemoryMarshal.AsBytes(values.AsSpan()), [Count]);
        using var collected = new MemoryStream();

        WeightReader.Stream(source, "w", piece => collected.Write(piece), CancellationToken.None);

        Assert.That(collected.ToArray().AsSpan().SequenceEqual(MemoryMarshal.AsBytes(values.AsSpan())), Is.True);
    }

    private static Half[] Read(DType dtype, ReadOnlySpan<byte> bytes, int count)
    {
        using var folder = new TemporaryFolder();
        using var source = Source(folder, dtype, bytes, [count]);
        using var pool = new BufferPool();
        using var matrix = WeightReader.Load(source, "w", 1, count, pool, CancellationToken.None);
        return matrix.ToArray();
    }

    private static ITensorSource Source(TemporaryFolder folder, DType dtype, ReadOnlySpan<byte> bytes, ImmutableArray<long> shape)
    {
        var path = folder.At("w.safetensors");
        using (var writer = SafetensorsWriter.Create(path, [new TensorInfo("w", dtype, shape, bytes.Length)]))
        {
            writer.Write("w", bytes);
            writer.Complete();
        }

        return SafetensorsFile.Open(path);
    }

    private static byte[] Encode(float[] values, DType dtype) => dtype switch
    {
        DType.F16 => MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (Half)value).AsSpan()).ToArray(),
        DType.F32 => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        _ => MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x7FFF) >> 16)).AsSpan()).ToArray(),
    };
}
