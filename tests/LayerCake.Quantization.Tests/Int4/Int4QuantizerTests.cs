using CsCheck;
using LayerCake.Quantization.Int4;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Tests.Int4;

public sealed unsafe class Int4QuantizerTests
{
    [Test]
    public void The_vectorized_kernel_equals_the_obvious_one_on_random_matrices()
    {
        Generators.Matrix.Sample(
            matrix =>
            {
                var expected = ReferenceQuantizer.Quantize(matrix.Values, matrix.Rows, matrix.Columns, matrix.GroupSize);

                var actual = Quantize(matrix.Values, matrix.Rows, matrix.Columns, matrix.GroupSize, threads: 2);

                Assert.That(actual.Scales, Is.EqualTo(expected.Scales));
                Assert.That(actual.Zeros, Is.EqualTo(expected.Zeros));
                Assert.That(actual.Weights, Is.EqualTo(expected.Weights));
            },
            iter: 150);
    }

    [Test]
    public void The_thread_count_changes_nothing_not_even_the_error_figure()
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 1000 * 256).Select(_ => (Half)(random.NextDouble() - 0.5)).ToArray();

        var one = Quantize(values, 1000, 256, 128, threads: 1);
        var four = Quantize(values, 1000, 256, 128, threads: 4);

        Assert.That(four.Weights, Is.EqualTo(one.Weights));
        Assert.That(four.Scales, Is.EqualTo(one.Scales));
        Assert.That(four.Zeros, Is.EqualTo(one.Zeros));
        Assert.That(four.Error, Is.EqualTo(one.Error));
    }

    [Test]
    public void The_worked_group_of_eight_gives_the_published_codes()
    {
        float[] row = [0.0312042236328125f, -0.047088623046875f, 0.012298583984375f, 0, -0.0207977294921875f, 0.058685302734375f, -0.00189971923828125f, 0.04150390625f];
        var values = Enumerable.Repeat(row, 8).SelectMany(one => one).Select(value => (Half)value).ToArray();

        var packed = Quantize(values, 8, 8, 8, threads: 1);

        Assert.That(packed.Scales, Is.All.EqualTo(0.0070515950210392475f));
        Assert.That(packed.Zeros, Is.EqualTo([0x77777777u]));
        Assert.That(packed.Weights, Is.EqualTo(new uint[] { 0xBBBBBBBB, 0, 0x88888888, 0x77777777, 0x44444444, 0xFFFFFFFF, 0x66666666, 0xDDDDDDDD }));
    }

    // Codes 0..15 need a row that spans 0 to 15 in both, so two columns besides.
    [TestCase(new[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 0x86427531u)]
    [TestCase(new[] { 0, 1, 2, 3, 4, 5, 6, 7 }, 0x75316420u)]
    [TestCase(new[] { 15, 0, 0, 0, 0, 0, 0, 15 }, 0xF000000Fu)]
    [TestCase(new[] { 11, 0, 8, 7, 4, 15, 6, 13 }, 0xDF70648Bu)]
    public void Eight_outputs_share_a_word_in_the_order_0_2_4_6_1_3_5_7(int[] codes, uint word)
    {
        var values = codes.SelectMany(code => new[] { (Half)code, (Half)0, (Half)15, (Half)0 }).ToArray();

        var packed = Quantize(values, 8, 4, 4, threads: 1);

        Assert.That(packed.Weights, Is.EqualTo([word, 0u, 0xFFFFFFFF, 0u]));
    }

    [Test]
    public void A_symmetric_group_rounds_its_zero_point_as_true_division_does()
    {
        // With the reciprocal of 15, as on a GPU, the zero point would be 7.
        var values = Enumerable.Range(0, 8).SelectMany(_ => Enumerable.Range(0, 16).Select(i => (Half)(-0.75 + (0.1 * i)))).ToArray();

        var packed = Quantize(values, 8, 16, 16, threads: 1);

        Assert.That(packed.Scales, Is.All.EqualTo(0.10000000149011612f));
        Assert.That(packed.Zeros, Is.EqualTo([0x88888888u]));
    }

    [Test]
    public void The_published_group_that_differs_on_a_GPU_follows_the_CPU()
    {
        float[] group = [0.09918212890625f, -0.07415771484375f, -0.0293426513671875f, 0.03668212890625f, 0.09454345703125f, 0.0017023086547851562f, -0.02215576171875f, -0.0201873779296875f];

        var (codes, scale, zero) = Group(group);

        Assert.That(scale, Is.EqualTo(0.011555989272892475f));
        Assert.That(zero, Is.EqualTo(6));
        Assert.That(codes, Is.EqualTo([15, 0, 4, 10, 15, 7, 5, 5]));
    }

    [TestCase(0f)]
    [TestCase(-0f)]
    public void A_group_of_zeros_stands_for_zeros(float zero)
    {
        var (codes, scale, zeroPoint) = Group([zero, zero, zero, zero]);

        Assert.That((scale, zeroPoint), Is.EqualTo((0f, 0)));
        Assert.That(codes, Is.All.Zero);
    }

    [TestCase(0.3f)]
    [TestCase(-0.3f)]
    [TestCase(65504f)]
    [TestCase(-65504f)]
    [TestCase(5.9604645e-8f)]
    public void A_constant_group_is_stored_without_any_error(float constant)
    {
        var value = (float)(Half)constant;

        var (codes, scale, zero) = Group([value, value, value, value]);

        Assert.That(codes.Select(code => (code - zero) * scale), Is.All.EqualTo(value));
        Assert.That((float)(Half)scale, Is.EqualTo(scale), "The engine keeps scales as float16.");
    }

    [TestCase(new[] { 0.5f, 0.6f, 0.7f, 0.55f }, 0)]
    [TestCase(new[] { -0.5f, -0.6f, -0.7f, -0.55f }, 15)]
    public void A_group_far_from_zero_is_stretched_to_include_it(float[] values, int expectedZero)
    {
        var (codes, scale, zero) = Group(values);

        Assert.That(zero, Is.EqualTo(expectedZero));
        foreach (var (code, value) in codes.Zip(values))
        {
            Assert.That((code - zero) * scale, Is.EqualTo((float)(Half)value).Within(scale * 0.501));
        }
    }

    [Test]
    public void A_one_signed_group_leaves_its_neighbours_alone()
    {
        // Row 0 lies far above zero: the original would spill its zero point of −24 over every other row of the word.
        float[][] rows = [[2.4f, 2.5f, 2.6f, 2.55f], .. Enumerable.Repeat(new[] { -1f, 0f, 0.5f, 1f }, 7)];
        var alone = Group(rows[1]);

        var packed = Quantize([.. rows.SelectMany(row => row).Select(value => (Half)value)], 8, 4, 4, threads: 1);

        var nibbles = ReferenceQuantizer.BitOffsets.Select(offset => (int)(packed.Zeros[0] >> offset) & 15);
        Assert.That(nibbles, Is.EqualTo(Enumerable.Repeat(alone.Zero, 7).Prepend(0)));
    }

    [Test]
    public void A_one_signed_group_whose_zero_point_fits_keeps_the_original_s_bits()
    {
        // min / scale is 0.2: the original's zero point rounds to 0, and its origin stays the smallest weight.
        var values = Enumerable.Range(0, 16).Select(i => (float)(Half)(0.002f + (0.01f * i))).ToArray();

        var (_, scale, zero) = Group(values);

        Assert.That(zero, Is.Zero);
        Assert.That(scale, Is.EqualTo((values[^1] - values[0]) / 15));
    }

    [Test]
    public void Every_finite_group_stands_for_its_weights_within_one_step()
    {
        Generators.Finite.Array[1, 40].Sample(values =>
        {
            var (codes, scale, zero) = Group([.. values.Select(value => (float)value)]);

            Assert.That(zero, Is.InRange(0, 15));
            Assert.That(codes, Is.All.InRange(0, 15));
            for (var i = 0; i < values.Length; i++)
            {
                Assert.That(Math.Abs(((codes[i] - zero) * (double)scale) - (double)values[i]), Is.LessThanOrEqualTo(scale * 1.0001));
            }
        });
    }

    [Test]
    public void The_error_figure_is_that_of_the_dequantized_weights()
    {
        var random = new Random(5);
        var values = Enumerable.Range(0, 16 * 40).Select(_ => (Half)(random.NextDouble() - 0.3)).ToArray();
        var packed = Quantize(values, 16, 40, 20, threads: 1);
        var (error, energy) = (0.0, 0.0);
        for (var row = 0; row < 16; row++)
        {
            for (var column = 0; column < 40; column++)
            {
                var offset = ReferenceQuantizer.BitOffsets[row % 8];
                var code = (int)(packed.Weights[((column * 16) + row) / 8] >> offset) & 15;
                var zero = (int)(packed.Zeros[(((column / 20) * 16) + row) / 8] >> offset) & 15;
                var weight = (double)values[(row * 40) + column];
                error += Math.Pow(((code - zero) * (double)packed.Scales[((column / 20) * 16) + row]) - weight, 2);
                energy += weight * weight;
            }
        }

        Assert.That(packed.Error, Is.EqualTo(error / energy).Within(1e-4).Percent);
    }

    private static (int[] Codes, float Scale, int Zero) Group(float[] values)
    {
        var packed = Quantize([.. Enumerable.Repeat(values, 8).SelectMany(row => row).Select(value => (Half)value)], 8, values.Length, values.Length, threads: 1);
        return ([.. packed.Weights.Select(word => (int)(word & 15))], packed.Scales[0], (int)(packed.Zeros[0] & 15));
    }

    private static (uint[] Weights, float[] Scales, uint[] Zeros, double Error) Quantize(Half[] values, int rows, int columns, int groupSize, int threads)
    {
        using var pool = new BufferPool();
        using var weight = HalfMatrix.From("w", rows, columns, values);
        using var packed = new PackedLinear(rows, columns, groupSize, pool);
        var error = Int4Quantizer.Quantize(weight, packed, threads, CancellationToken.None);
        return (
            new ReadOnlySpan<uint>(packed.Weights, columns * rows / 8).ToArray(),
            new ReadOnlySpan<float>(packed.Scales, packed.Groups * rows).ToArray(),
            new ReadOnlySpan<uint>(packed.Zeros, packed.Groups * rows / 8).ToArray(),
            error);
    }
}
