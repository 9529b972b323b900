using CsCheck;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Smoothing;

namespace LayerCake.Quantization.Tests.Smoothing;

public sealed class SmoothingTests
{
    [Test]
    public void Importance_equals_the_obvious_form_on_random_matrices()
    {
        Generators.Matrix.Sample(
            matrix =>
            {
                using var weight = HalfMatrix.From("w", matrix.Rows, matrix.Columns, matrix.Values);

                var actual = WeightImportance.Of([weight], matrix.GroupSize, threads: 2, CancellationToken.None);

                Assert.That(actual.Bits(), Is.EqualTo(ReferenceSmoother.Importance(matrix.Values, matrix.Rows, matrix.Columns, matrix.GroupSize).Bits()));
            },
            iter: 100);
    }

    [Test]
    public void Importance_of_several_weights_is_that_of_their_rows_joined()
    {
        var random = new Random(1);
        var values = Enumerable.Range(0, 400 * 64).Select(_ => (Half)(random.NextDouble() - 0.5)).ToArray();
        using var first = HalfMatrix.From("a", 100, 64, values.AsSpan(0, 100 * 64));
        using var second = HalfMatrix.From("b", 300, 64, values.AsSpan(100 * 64));

        var one = WeightImportance.Of([first, second], 32, threads: 1, CancellationToken.None);
        var three = WeightImportance.Of([second, first], 32, threads: 3, CancellationToken.None);

        Assert.That(one.Bits(), Is.EqualTo(ReferenceSmoother.Importance(values, 400, 64, 32).Bits()));
        Assert.That(three.Bits(), Is.EqualTo(one.Bits()));
    }

    [Test]
    public void Scales_equal_the_obvious_form_for_any_statistics()
    {
        Gen.Select(Generators.Finite.Select(Half.Abs), Gen.UShort[0, 0x3C00].Select(BitConverter.UInt16BitsToHalf)).Array[1, 50].Sample(channels =>
        {
            var absMax = channels.Select(channel => channel.Item1).ToArray();
            var importance = channels.Select(channel => channel.Item2).ToArray();

            var scales = SmoothingScales.Of(absMax, importance);

            Assert.That(scales.Bits(), Is.EqualTo(ReferenceSmoother.Scales(absMax, importance).Bits()));
            Assert.That(scales.All(scale => Half.IsFinite(scale) && scale > Half.Zero), Is.True);
        });
    }

    [Test]
    public void A_dead_channel_gets_one_and_leaves_the_others_as_they_would_be_without_it()
    {
        Half[] absMax = [(Half)2, (Half)0, (Half)0.5f, (Half)3];
        Half[] importance = [(Half)0.25f, (Half)0.5f, (Half)0.75f, (Half)0];

        var scales = SmoothingScales.Of(absMax, importance);
        var without = SmoothingScales.Of([absMax[0], absMax[2]], [importance[0], importance[2]]);

        Assert.That(scales, Is.EqualTo([without[0], Half.One, without[1], Half.One]));
    }

    [Test]
    public void Nothing_but_dead_channels_changes_nothing()
    {
        var scales = SmoothingScales.Of(new Half[5], new Half[5]);

        Assert.That(scales, Is.All.EqualTo(Half.One));
    }

    [Test]
    public void Columns_and_rows_are_scaled_with_one_rounding_each()
    {
        // The largest weight here is 1023.5: times 9, over 0.15, it is still within float16.
        Gen.Select(Generators.Matrix, Gen.Double[0.15, 9].Array[512]).Sample(
            (matrix, factors) =>
            {
                var byColumn = factors.Take(matrix.Columns).Select(factor => (Half)factor).ToArray();
                var byRow = factors.Take(matrix.Rows).Select(factor => (Half)factor).ToArray();
                using var weight = HalfMatrix.From("w", matrix.Rows, matrix.Columns, matrix.Values.Select(value => (Half)((float)value / 4)).ToArray());
                var expected = weight.ToArray().Select((value, i) => value * byColumn[i % matrix.Columns] / byRow[i / matrix.Columns]).ToArray();

                Scaling.MultiplyColumns(weight, byColumn, threads: 2, CancellationToken.None);
                Scaling.DivideRows(weight, byRow, threads: 2, CancellationToken.None);

                Assert.That(weight.ToArray().Bits(), Is.EqualTo(expected.Bits()));
            },
            iter: 50);
    }

    [Test]
    public void An_overflow_is_refused_with_tensor_and_position()
    {
        using var weight = HalfMatrix.From("model.layers.0.mlp.up_proj.weight", 2, 20, Enumerable.Repeat((Half)100, 40).ToArray());
        var factors = Enumerable.Repeat(Half.One, 20).ToArray();
        factors[17] = (Half)1000;

        Assert.That(
            () => Scaling.MultiplyColumns(weight, factors, threads: 1, CancellationToken.None),
            Throws.TypeOf<QuantizationException>().With.Message.Contains("Smoothing model.layers.0.mlp.up_proj.weight leaves the range of float16 at [0, 17]"));
    }

    [Test]
    public void Grouped_value_heads_leave_the_output_projection_unsmoothed()
    {
        using var value = HalfMatrix.From("v", 2, 4, Enumerable.Repeat((Half)3, 8).ToArray());
        using var output = HalfMatrix.From("o", 4, 4, Enumerable.Repeat((Half)5, 16).ToArray());

        var smoothed = new Smoother(4, 1, CancellationToken.None).Smooth(new SmoothedLinear(value, null), new SmoothedLinear(output, null), [(Half)1, (Half)2, (Half)3, (Half)4]);

        Assert.That(smoothed, Is.False);
        Assert.That(value.ToArray(), Is.All.EqualTo((Half)3));
        Assert.That(output.ToArray(), Is.All.EqualTo((Half)5));
    }
}
