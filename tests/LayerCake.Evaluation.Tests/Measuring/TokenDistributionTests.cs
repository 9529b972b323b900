using CsCheck;

namespace LayerCake.Evaluation.Tests;

/// <summary>Sums over logits against the same sums in float64, one after the other.</summary>
internal sealed unsafe class TokenDistributionTests
{
    // Beyond the end of a row lies what must not count.
    private const int Beyond = 16;

    [Test]
    public void Sums_and_divergences_are_those_of_float64() => Rows().Sample(
        rows =>
        {
            var (p, q, count) = rows;
            fixed (float* first = p, second = q)
            {
                var top = TokenDistribution.Largest(first, count);
                var sum = TokenDistribution.SumOfExponentials(first, count, top.Largest);
                var difference = TokenDistribution.WeightedDifference(first, second, count, top.Largest);

                var expected = p.Take(count).Sum(value => Math.Exp((double)value - top.Largest));
                var weighted = p.Take(count).Zip(q).Sum(pair => Math.Exp((double)pair.First - top.Largest) * ((double)pair.First - pair.Second));
                var size = p.Take(count).Zip(q).Sum(pair => Math.Exp((double)pair.First - top.Largest) * Math.Abs((double)pair.First - pair.Second));
                Assert.That(top, Is.EqualTo((p.Take(count).Max(), Array.IndexOf(p, p.Take(count).Max()))));
                Assert.That(sum, Is.EqualTo(expected).Within(1e-5).Percent.Or.EqualTo(expected).Within(1e-4).Percent);
                Assert.That(difference, Is.EqualTo(weighted).Within((1e-6 * size) + 1e-30));
            }
        },
        iter: 300);

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_logit_that_is_no_number_is_noticed_wherever_it_stands(float wrong)
    {
        for (var place = 0; place < 37; place++)
        {
            var row = new float[37 + Beyond];
            row[place] = wrong;
            fixed (float* logits = row)
            {
                Assert.That(TokenDistribution.Largest(logits, 37).Id, Is.EqualTo(-1), $"{place}");
            }
        }
    }

    private static Gen<(float[] P, float[] Q, int Count)> Rows() =>
        from count in Gen.OneOf(Gen.Int[1, 100], Gen.Int[4000, 9000])
        from p in Gen.Float[-30, 30].Array[count + Beyond]
        from q in Gen.Float[-30, 30].Array[count + Beyond]
        select (p, q, count);
}
