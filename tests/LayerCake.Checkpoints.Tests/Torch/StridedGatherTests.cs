using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class StridedGatherTests
{
    private static readonly (string Storage, int ElementSize)[] Types = [("ByteStorage", 1), ("HalfStorage", 2), ("FloatStorage", 4), ("LongStorage", 8)];

    private static readonly Gen<View> Views = Gen.Select(
        Gen.Int[0, Types.Length - 1].Select(index => Types[index]),
        Gen.Select(Gen.Long[1, 6], Gen.Long[0, 9]).Array[1, 4],
        Gen.Long[0, 7],
        Gen.Double.Unit,
        Gen.Double.Unit).Select((type, axes, offset, from, to) => new View(
            type.Item1, type.Item2, [.. axes.Select(axis => axis.Item1)], [.. axes.Select(axis => axis.Item2)], offset, Math.Min(from, to), Math.Max(from, to)));

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Every_range_of_every_view_equals_a_naive_gather() => Views.Sample(
        view =>
        {
            var last = view.Offset + view.Shape.Zip(view.Strides).Sum(axis => (axis.First - 1) * axis.Second);
            var storage = new byte[(last + 1) * view.ElementSize];
            new Random(5).NextBytes(storage);
            var expected = Gather(view, storage);
            using var archive = Save(view, storage);
            var (begin, end) = ((int)(view.From * expected.Length), (int)(view.To * expected.Length));
            var part = new byte[end - begin];

            archive.Read("w", begin, part);

            Assert.That(part, Is.EqualTo(expected[begin..end]));
            Assert.That(archive.ReadAll("w"), Is.EqualTo(expected));
        },
        iter: 300,
        threads: 1);

    [Test]
    public void A_transposed_matrix_larger_than_the_read_window_is_read_whole_and_in_part()
    {
        const int Rows = 1500, Columns = 2100;
        var storage = new byte[Rows * Columns * 2];
        new Random(6).NextBytes(storage);
        var view = new View("HalfStorage", 2, [Rows, Columns], [1, Rows], 0, 0, 1);
        var expected = Gather(view, storage);
        using var archive = Save(view, storage);
        var part = new byte[100_001];

        archive.Read("w", 777_777, part);

        Assert.That(archive.ReadAll("w").AsSpan().SequenceEqual(expected), Is.True);
        Assert.That(part.AsSpan().SequenceEqual(expected.AsSpan(777_777, part.Length)), Is.True);
    }

    [Test]
    public void Strides_of_dimensions_with_one_element_do_not_matter()
    {
        using var archive = Save(new View("ByteStorage", 1, [1, 3], [999, 1], 0, 0, 1), [1, 2, 3]);

        Assert.That(archive.ReadAll("w"), Is.EqualTo(new byte[] { 1, 2, 3 }));
    }

    private static byte[] Gather(View view, byte[] storage)
    {
        var count = view.Shape.Aggregate(1L, (product, size) => product * size);
        var bytes = new byte[count * view.ElementSize];
        for (var flat = 0L; flat < count; flat++)
        {
            var (rest, index) = (flat, view.Offset);
            for (var dimension = view.Shape.Length - 1; dimension >= 0; dimension--)
            {
                index += rest % view.Shape[dimension] * view.Strides[dimension];
                rest /= view.Shape[dimension];
            }

            Array.Copy(storage, index * view.ElementSize, bytes, flat * view.ElementSize, view.ElementSize);
        }

        return bytes;
    }

    private TorchArchive Save(View view, byte[] storage)
    {
        var path = _folder.At("view.pth");
        File.Delete(path);
        new RawPickle().Add("}").Text("w").Tensor(view.Storage, "0", storage.Length / view.ElementSize, view.Offset, view.Shape, view.Strides).Add("s.").Save(path, ("data/0", storage));
        return TorchArchive.Open(path);
    }

    private sealed record View(string Storage, int ElementSize, long[] Shape, long[] Strides, long Offset, double From, double To);
}
