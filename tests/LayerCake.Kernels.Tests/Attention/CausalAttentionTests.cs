namespace LayerCake.Kernels.Tests;

internal sealed unsafe class CausalAttentionTests
{
    [TestCase(1, 128, 1, 1)]
    [TestCase(45, 80, 4, 2)]
    [TestCase(64, 128, 2, 2)]
    [TestCase(33, 10, 6, 1)]
    [TestCase(300, 32, 1, 1)]
    public void Attention_is_softmax_of_scaled_scores_times_values(int length, int dimension, int heads, int keyValueHeads)
    {
        var random = new Random(5);
        var (queryStride, keyValueStride) = ((heads * dimension) + 3, (keyValueHeads * dimension) + 5);
        var queries = Fill(length * queryStride);
        var keys = Fill(length * keyValueStride);
        var values = Fill(length * keyValueStride);
        var result = queries.ToArray();
        var memory = new float[CausalAttention.MemoryFor(length, dimension)];

        fixed (float* q = result, k = keys, v = values, m = memory)
        {
            new CausalAttention(length, dimension, m).Run(q, queryStride, heads, k, v, keyValueStride, keyValueHeads);
        }

        for (var head = 0; head < heads; head++)
        {
            var keyValueHead = head / (heads / keyValueHeads);
            for (var row = 0; row < length; row += 1 + (length / 11))
            {
                var expected = Attend(row, head * dimension, keyValueHead * dimension);
                var actual = result.AsSpan((row * queryStride) + (head * dimension), dimension).ToArray();
                Assert.That(actual, Is.EqualTo(expected).Within(4e-3), $"head {head}, row {row}");
            }
        }

        for (var row = 0; row < length; row++)
        {
            Assert.That(result.AsSpan((row * queryStride) + (heads * dimension), 3).ToArray(), Is.EqualTo(queries.AsSpan((row * queryStride) + (heads * dimension), 3).ToArray()));
        }

        float[] Fill(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(Half)((random.NextSingle() - 0.5f) * 4))];

        float[] Attend(int row, int queryOffset, int keyValueOffset)
        {
            var weights = new double[row + 1];
            for (var position = 0; position <= row; position++)
            {
                double score = 0;
                for (var i = 0; i < dimension; i++)
                {
                    score += (double)queries[(row * queryStride) + queryOffset + i] * keys[(position * keyValueStride) + keyValueOffset + i];
                }

                weights[position] = Math.Exp(score / Math.Sqrt(dimension));
            }

            var total = weights.Sum();
            return [.. Enumerable.Range(0, dimension).Select(i => (float)weights.Select((weight, position) => weight / total * values[(position * keyValueStride) + keyValueOffset + i]).Sum())];
        }
    }

    [Test]
    public void A_score_that_is_not_a_number_shows_in_the_result()
    {
        var queries = Enumerable.Repeat(1f, 16 * 32).ToArray();
        var keys = queries.ToArray();
        var values = queries.ToArray();
        keys[5 * 32] = float.NaN;
        var memory = new float[CausalAttention.MemoryFor(16, 32)];

        fixed (float* q = queries, k = keys, v = values, m = memory)
        {
            new CausalAttention(16, 32, m).Run(q, 32, 1, k, v, 32, 1);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(queries[4 * 32], Is.EqualTo(1f));
            Assert.That(queries[9 * 32], Is.NaN);
        }
    }
}
