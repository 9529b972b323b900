using CsCheck;

namespace LayerCake.Reconstruction.Tests;

internal sealed class SampleOrderTests
{
    [Test]
    public void Every_round_has_every_sample_once_in_an_order_that_the_seed_decides() =>
        Gen.Select(Gen.Int[1, 40], Gen.UInt, Gen.Int[0, 100], Gen.Int[1, 50]).Sample(
            (samples, seed, span, batch) =>
            {
                var (one, two) = (new SampleOrder(Enumerable.Range(0, samples), seed, span), new SampleOrder(Enumerable.Range(0, samples), seed, span));
                var drawn = new List<int>();
                while (drawn.Count < 3 * samples)
                {
                    var next = one.Next(batch);
                    Assert.That(next, Is.EqualTo(two.Next(batch)));
                    Assert.That(next, Has.Length.EqualTo(Math.Min(batch, samples)));
                    drawn.AddRange(next);
                }

                foreach (var round in drawn.Take(3 * samples).Chunk(samples))
                {
                    Assert.That(round, Is.EquivalentTo(Enumerable.Range(0, samples)));
                }
            },
            iter: 200);

    [Test]
    public void Other_seeds_and_other_spans_give_other_orders()
    {
        var orders = new[] { (0u, 0), (1u, 0), (0u, 1) }.Select(pair => string.Join(',', new SampleOrder(Enumerable.Range(0, 30), pair.Item1, pair.Item2).Next(30)));

        Assert.That(orders, Is.Unique);
    }
}
