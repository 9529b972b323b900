using LayerCake.Models;

namespace LayerCake.Quantization.Tests.Statistics;

public sealed class StatisticsTests
{
    [Test]
    public void Statistics_begin_as_the_original_s_do()
    {
        var statistics = new ActivationStatistics(1);

        Assert.That((statistics.Max[0], statistics.Min[0]), Is.EqualTo((Half.NegativeInfinity, Half.PositiveInfinity)));
        Assert.That((statistics.Mean[0], statistics.AbsMax[0], statistics.AbsMean[0]), Is.EqualTo((Half.Zero, Half.Zero, Half.Zero)));
    }

    [Test]
    public void Equal_samples_drift_as_three_float16_roundings_make_them()
    {
        Assert.That(MeanOf(Enumerable.Repeat((Half)1.099609375f, 128)), Is.EqualTo((Half)1.107421875f));
    }

    [Test]
    public void The_published_rising_mean_is_reached()
    {
        Assert.That(MeanOf(Enumerable.Range(1, 10).Select(i => (Half)(0.1 * i))), Is.EqualTo((Half)0.5498046875f));
    }

    [Test]
    public void A_large_mean_overflows_where_the_original_s_does()
    {
        Assert.That(Half.IsFinite(MeanOf(Enumerable.Repeat((Half)600, 108))), Is.True);
        Assert.That(MeanOf(Enumerable.Repeat((Half)600, 109)), Is.EqualTo(Half.PositiveInfinity));
    }

    [Test]
    public void Extremes_are_exact_and_keep_NaN()
    {
        var statistics = new ActivationStatistics(3);

        statistics.Update([(Half)1, Half.NaN, (Half)5], [(Half)(-1), (Half)0, (Half)4], new Half[3], [(Half)1, (Half)0, (Half)5], new Half[3]);
        statistics.Update([(Half)2, (Half)9, (Half)3], [(Half)(-3), (Half)9, (Half)2], new Half[3], [(Half)3, Half.NaN, (Half)3], new Half[3]);

        Assert.That(statistics.Max, Is.EqualTo([(Half)2, Half.NaN, (Half)5]));
        Assert.That(statistics.Min, Is.EqualTo([(Half)(-3), (Half)0, (Half)2]));
        Assert.That(statistics.AbsMax, Is.EqualTo([(Half)3, Half.NaN, (Half)5]));
        Assert.That(statistics.SampleCount, Is.EqualTo(2));
    }

    [Test]
    public void Key_extremes_merge_over_samples()
    {
        var statistics = new KeyValueStatistics(1, 2);

        statistics.Update([(Half)1, (Half)2], [(Half)0, (Half)(-2)], [(Half)1, (Half)2]);
        statistics.Update([(Half)3, (Half)1], [(Half)1, (Half)(-4)], [(Half)3, (Half)4]);

        Assert.That(statistics.Max, Is.EqualTo([(Half)3, (Half)2]));
        Assert.That(statistics.Min, Is.EqualTo([(Half)0, (Half)(-4)]));
        Assert.That(statistics.AbsMax, Is.EqualTo([(Half)3, (Half)4]));
    }

    [Test]
    public void A_sample_of_another_width_is_a_mistake_of_the_caller()
    {
        var statistics = new ActivationStatistics(2);

        Assert.That(() => statistics.Update(new Half[3], new Half[3], new Half[3], new Half[3], new Half[3]), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void All_modules_of_a_model_have_a_place_in_the_files_order()
    {
        using var folder = Goldens.Open("internlm");

        var statistics = CalibrationStatistics.For(ModelConfiguration.Read(folder));
        var original = StatisticsFiles.Read(Goldens.WorkDir("internlm"));

        Assert.That(statistics.Inputs.Keys, Is.EqualTo(original.Inputs.Keys));
        Assert.That(statistics.Outputs.Keys, Is.EqualTo(original.Outputs.Keys));
        Assert.That(statistics.Keys.Keys, Is.EqualTo(original.Keys.Keys));
        Assert.That(statistics.Values.Keys, Is.EqualTo(original.Values.Keys));
        Assert.That(statistics.Outputs.Select(module => module.Value.Channels), Is.EqualTo(original.Outputs.Select(module => module.Value.Channels)));
        Assert.That(statistics.Keys.GetAt(0).Value.Heads, Is.EqualTo(original.Keys.GetAt(0).Value.Heads));
    }

    private static Half MeanOf(IEnumerable<Half> samples)
    {
        var statistics = new ActivationStatistics(1);
        foreach (var sample in samples)
        {
            statistics.Update([sample], [sample], [sample], [sample], [sample]);
        }

        Assert.That(statistics.AbsMean, Is.EqualTo(statistics.Mean));
        return statistics.Mean[0];
    }
}
