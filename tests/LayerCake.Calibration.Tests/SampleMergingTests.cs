using LayerCake.Quantization;

namespace LayerCake.Calibration.Tests;

internal sealed class SampleMergingTests
{
    [Test]
    public void Merging_all_at_once_gives_the_bits_of_one_update_per_sample(
        [Values(1, 2, 10, 150)] int samples, [Values(1, 16, 37)] int channels, [Values(0.001f, 1f, 900f)] float scale)
    {
        // 900 · 150 leaves float16's range on the way: the running mean becomes infinite, as the original's does.
        var random = new Random(samples + channels);
        var all = Enumerable.Range(0, samples).Select(_ => Sample()).ToArray();
        var expected = new ActivationStatistics(channels);
        foreach (var sample in all)
        {
            expected.Update(sample.Max, sample.Min, sample.Mean, sample.AbsMax, sample.AbsMean);
        }

        var merged = SampleMerging.Merge(all);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Bits(merged.Max), Is.EqualTo(Bits(expected.Max)));
            Assert.That(Bits(merged.Min), Is.EqualTo(Bits(expected.Min)));
            Assert.That(Bits(merged.Mean), Is.EqualTo(Bits(expected.Mean)));
            Assert.That(Bits(merged.AbsMax), Is.EqualTo(Bits(expected.AbsMax)));
            Assert.That(Bits(merged.AbsMean), Is.EqualTo(Bits(expected.AbsMean)));
        }

        SampleStatistics Sample()
        {
            var sample = new SampleStatistics(channels);
            foreach (var values in (Half[][])[sample.Max, sample.Min, sample.Mean, sample.AbsMax, sample.AbsMean])
            {
                for (var i = 0; i < channels; i++)
                {
                    values[i] = (Half)((random.NextSingle() - 0.1f) * scale);
                }
            }

            return sample;
        }

        static ushort[] Bits(Half[] values) => [.. values.Select(BitConverter.HalfToUInt16Bits)];
    }

    [Test]
    public void A_mean_that_leaves_float16_stays_infinite()
    {
        // 109 · 600 is beyond 65504, 108 · 600 is not.
        var samples = Enumerable.Range(0, 109).Select(_ =>
        {
            var sample = new SampleStatistics(1);
            sample.Mean[0] = (Half)600;
            return sample;
        }).ToArray();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((float)SampleMerging.Merge(samples.AsSpan(0, 108)).Mean[0], Is.EqualTo(600).Within(10));
            Assert.That(Half.IsPositiveInfinity(SampleMerging.Merge(samples).Mean[0]), Is.True);
        }
    }
}
