using LayerCake.Torch;

namespace LayerCake.Calibration.Tests;

internal sealed unsafe class ChannelReductionTests
{
    [TestCase(1, 5)]
    [TestCase(33, 32)]
    [TestCase(100, 70)]
    public void Each_channel_is_reduced_over_all_tokens(int rows, int channels)
    {
        var random = new Random(4);
        var stride = (channels + 31) / 32 * 32;
        var values = new float[rows * stride];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = i % stride < channels ? (float)(Half)((random.NextSingle() - 0.5f) * 10) : 0;
        }

        var statistics = Reduce(values, rows, channels)!;

        for (var channel = 0; channel < channels; channel++)
        {
            var column = Enumerable.Range(0, rows).Select(row => values[(row * stride) + channel]).ToArray();
            using (Assert.EnterMultipleScope())
            {
                Assert.That((float)statistics.Max[channel], Is.EqualTo(column.Max()));
                Assert.That((float)statistics.Min[channel], Is.EqualTo(column.Min()));
                Assert.That((float)statistics.AbsMax[channel], Is.EqualTo(column.Max(MathF.Abs)));
                Assert.That((float)statistics.Mean[channel], Is.EqualTo(column.Average(value => (double)value)).Within(1e-3));
                Assert.That((float)statistics.AbsMean[channel], Is.EqualTo(column.Average(value => Math.Abs((double)value))).Within(2e-3));
            }
        }
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_value_that_is_not_finite_is_noticed_wherever_it_is(float value)
    {
        for (var at = 0; at < 3 * 40; at += 7)
        {
            var values = new float[3 * 64];
            values[(at / 40 * 64) + (at % 40)] = value;

            Assert.That(Reduce(values, 3, 40), Is.Null, $"position {at}");
        }
    }

    private static SampleStatistics? Reduce(float[] values, int rows, int channels)
    {
        fixed (float* pointer = values)
        {
            return ChannelReduction.Reduce(pointer, rows, values.Length / rows, channels);
        }
    }
}
