namespace LayerCake.Text.Tests;

internal sealed class CalibrationSamplerTests
{
    [Test]
    public void Windows_begin_where_Python_draws_them()
    {
        int[] ids = [.. Enumerable.Range(0, 356316 + 8)];

        int[][] windows = CalibrationSampler.Draw(ids, samples: 3, sequenceLength: 8, seed: 0);

        Assert.That(windows.Select(window => window[0]), Is.EqualTo((int[])[201979, 220500, 21225]));
        Assert.That(windows[2], Is.EqualTo(Enumerable.Range(21225, 8)));
    }

    [Test]
    public void A_text_of_just_one_window_gives_it_every_time()
    {
        int[][] windows = CalibrationSampler.Draw([5, 6, 7], samples: 2, sequenceLength: 3, seed: 1);

        Assert.That(windows, Is.EqualTo((int[][])[[5, 6, 7], [5, 6, 7]]));
    }

    [Test]
    public void Another_seed_gives_other_windows()
    {
        int[] ids = [.. Enumerable.Range(0, 100_000)];

        Assert.That(CalibrationSampler.Draw(ids, 4, 16, seed: 1), Is.Not.EqualTo(CalibrationSampler.Draw(ids, 4, 16, seed: 0)));
    }

    [Test]
    public void Too_short_a_text_is_refused_with_both_lengths()
    {
        Assert.That(
            () => CalibrationSampler.Draw(new int[511], samples: 128, sequenceLength: 512, seed: 0),
            Throws.TypeOf<CalibrationDataException>().With.Message.EqualTo(
                "The calibration set is too short: it has 511 tokens, and one sample needs 512. "
                + "Use a longer text, or a sequence length of at most 511."));
    }

    [TestCase(0, 4)]
    [TestCase(1, 0)]
    public void Counts_below_one_are_refused(int samples, int sequenceLength)
    {
        Assert.That(
            () => CalibrationSampler.Draw(new int[10], samples, sequenceLength, seed: 0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }
}
