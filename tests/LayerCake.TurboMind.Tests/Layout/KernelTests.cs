using CsCheck;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind.Tests;

[TestFixture]
public sealed unsafe class KernelTests
{
    [Test]
    public void Transposition_equals_the_naive_one_for_any_size_and_stride() =>
        Gen.Select(Gen.Int[1, Transposition.MaxRows], Gen.Int[1, 200], Gen.Int[0, 40]).Sample((rowCount, columns, extra) =>
        {
            var stride = rowCount + extra;
            var source = new ushort[rowCount * columns];
            for (var i = 0; i < source.Length; i++)
            {
                source[i] = (ushort)Vectors.Mix((uint)i);
            }

            var destination = new ushort[columns * stride];
            fixed (ushort* first = source, output = destination)
            {
                var rows = stackalloc ushort*[rowCount];
                for (var row = 0; row < rowCount; row++)
                {
                    // Reversed: the rows need not be in memory order.
                    rows[row] = first + ((rowCount - 1 - row) * columns);
                }

                Transposition.Transpose(rows, rowCount, columns, output, stride);
            }

            for (var i = 0; i < columns; i++)
            {
                for (var r = 0; r < stride; r++)
                {
                    var expected = r < rowCount ? source[((rowCount - 1 - r) * columns) + i] : 0;
                    if (destination[(i * stride) + r] != expected)
                    {
                        return false;
                    }
                }
            }

            return true;
        }, iter: 100);

    [Test]
    public void A_tile_holds_every_code_exactly_where_the_index_map_says() =>
        Gen.Byte[0, 15].Array[32 * 96].Sample(flat =>
        {
            var codes = Vectors.Matrix(32, 96, (i, n) => flat[(i * 96) + n]);
            var packed = new uint[32 * 96 / 8];
            fixed (uint* rows = SlowLayout.Flat(SlowLayout.AwqPack(codes)), destination = packed)
            {
                TilePacker.Pack(rows, 12, 3, destination);
            }

            return packed.AsSpan().SequenceEqual(SlowLayout.Tile(codes));
        }, iter: 50);

    [Test]
    public void Zipping_packed_words_equals_interleaving_their_columns() =>
        Gen.Int[1, 13].SelectMany(words => Gen.Byte[0, 15].Array[16 * words]).Sample(flat =>
        {
            var columns = flat.Length / 2;
            var first = Vectors.Matrix(1, columns, (_, n) => flat[n]);
            var second = Vectors.Matrix(1, columns, (_, n) => flat[columns + n]);
            var zipped = new uint[columns / 4];
            fixed (uint* a = SlowLayout.Flat(SlowLayout.AwqPack(first)), b = SlowLayout.Flat(SlowLayout.AwqPack(second)), destination = zipped)
            {
                AwqColumns.Zip(a, b, destination, columns / 8);
            }

            return zipped.AsSpan().SequenceEqual(SlowLayout.Flat(SlowLayout.AwqPack(SlowLayout.Interleave(first, second))));
        }, iter: 200);

    [Test]
    public void Every_bfloat16_becomes_the_nearest_float16()
    {
        var all = Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).ToArray();
        var converted = all.ToArray();

        HalfElements.ConvertInPlace(converted, DType.BF16, DType.F16, new float[1000]);

        for (var i = 0; i < all.Length; i++)
        {
            var wide = BitConverter.UInt32BitsToSingle((uint)all[i] << 16);
            AssertSameHalf(converted[i], (Half)wide, all[i]);
        }
    }

    [Test]
    public void Every_float16_becomes_the_nearest_bfloat16()
    {
        var converted = Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).ToArray();

        HalfElements.ConvertInPlace(converted, DType.F16, DType.BF16, new float[777]);

        for (var i = 0; i < converted.Length; i++)
        {
            var exact = (double)BitConverter.UInt16BitsToHalf((ushort)i);
            var nearest = BFloat16(converted[i]);
            if (double.IsNaN(exact))
            {
                Assert.That(nearest, Is.NaN, $"{i:x4}");
            }
            else if (nearest != exact)
            {
                var (below, above) = (BFloat16((ushort)(converted[i] - 1)), BFloat16((ushort)(converted[i] + 1)));
                var error = Math.Abs(nearest - exact);
                Assert.That(error, Is.LessThanOrEqualTo(Math.Min(Math.Abs(below - exact), Math.Abs(above - exact))), $"{i:x4}");
                if (error == Math.Abs(below - exact) || error == Math.Abs(above - exact))
                {
                    Assert.That(converted[i] % 2, Is.Zero, $"a tie goes to even: {i:x4}");
                }
            }
        }
    }

    [Test]
    public void Floats_are_rounded_to_nearest_even_and_overflow_to_infinity()
    {
        float[] values =
        [
            0, -0f, 1, 65504, 65519.996f, 65520, -65520, 1e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, 8.940697e-8f, 1e-40f, 1.00048828125f, 1.00146484375f, 6.1035156e-5f, 3.3895314e38f, 3.4e38f,
        ];
        var (halves, brains) = (new ushort[values.Length], new ushort[values.Length]);

        HalfElements.Convert(values, halves, DType.F16);
        HalfElements.Convert(values, brains, DType.BF16);

        for (var i = 0; i < values.Length; i++)
        {
            AssertSameHalf(halves[i], (Half)values[i], i);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(BFloat16(brains[11]), Is.EqualTo(5.9604645e-8f));
            Assert.That(brains[10], Is.EqualTo(0x7FC0));
            Assert.That(brains[8], Is.EqualTo(0x7F80));
            Assert.That(BFloat16(brains[19]), Is.EqualTo(3.3895314e38f));
            Assert.That(brains[20], Is.EqualTo(0x7F80), "above the largest bfloat16 by more than half a step");
        }
    }

    private static void AssertSameHalf(ushort actual, Half expected, int source)
    {
        if (Half.IsNaN(expected))
        {
            Assert.That(Half.IsNaN(BitConverter.UInt16BitsToHalf(actual)), $"{source:x4}");
        }
        else if (actual != BitConverter.HalfToUInt16Bits(expected))
        {
            Assert.That(actual, Is.EqualTo(BitConverter.HalfToUInt16Bits(expected)), $"{source:x4}");
        }
    }

    private static double BFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
