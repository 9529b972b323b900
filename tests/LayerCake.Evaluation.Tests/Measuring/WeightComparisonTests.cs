namespace LayerCake.Evaluation.Tests;

internal sealed unsafe class WeightComparisonTests
{
    private const int Outputs = 96;
    private const int Inputs = 130;

    [Test]
    public void What_smoothing_moved_is_no_error()
    {
        var random = new Random(1);
        var weight = Random(random, 1);
        // Powers of two, so that float16 loses nothing.
        var rows = Enumerable.Range(0, Outputs).Select(_ => MathF.Pow(2, random.Next(-3, 4))).ToArray();
        var columns = Enumerable.Range(0, Inputs).Select(_ => MathF.Pow(2, random.Next(-3, 4))).ToArray();
        var smoothed = weight.Select((value, i) => (Half)((float)value * rows[i / Inputs] * columns[i % Inputs])).ToArray();

        Assert.That(Error(weight, weight), Is.Zero);
        Assert.That(Error(weight, smoothed), Is.LessThan(1e-3));
    }

    [Test]
    public void Noise_is_the_error_that_it_is()
    {
        var random = new Random(2);
        var weight = Random(random, 1);
        var noisy = weight.Select(value => (Half)((float)value + (0.1f * ((2 * random.NextSingle()) - 1)))).ToArray();
        var expected = Math.Sqrt(weight.Zip(noisy).Sum(pair => Math.Pow((double)pair.Second - (double)pair.First, 2)) / weight.Sum(value => Math.Pow((double)value, 2)));

        // Fitting a factor to every row and column takes their share of the noise: (96 + 130) of 96 · 130 degrees of freedom.
        Assert.That(Error(weight, noisy), Is.EqualTo(expected).Within(3).Percent);
    }

    [Test]
    public void A_row_of_zeros_is_no_division_by_zero()
    {
        var weight = Random(new Random(3), 1);
        Array.Clear(weight, 0, Inputs);

        Assert.That(Error(weight, weight), Is.Zero);
        Assert.That(Error(new Half[weight.Length], weight), Is.Zero, "nothing to be relative to");
    }

    private static double Error(Half[] before, Half[] after)
    {
        fixed (Half* w = before, v = after)
        {
            return WeightComparison.Error(w, v, Outputs, Inputs);
        }
    }

    private static Half[] Random(Random random, float size) => [.. Enumerable.Range(0, Outputs * Inputs).Select(_ => (Half)(size * ((2 * random.NextSingle()) - 1)))];
}
