using System.Collections.Immutable;
using CsCheck;

namespace LayerCake.Runtime.Tests;

/// <summary>The order of sampling, one rule at a time.</summary>
internal sealed class SamplerTests
{
    private const int EndId = 7;

    private static readonly Gen<float[]> s_logits = Gen.Float[-8, 8].Array[8, 40];

    [Test]
    public void Top_k_1_takes_the_largest_and_of_equal_ones_the_smaller_id()
    {
        s_logits.Sample(logits =>
        {
            var expected = Array.IndexOf(logits, logits.Max());
            return Draw(logits, GenerationOptions.Greedy) == expected
                && Draw([.. logits, logits.Max()], GenerationOptions.Greedy) == expected;
        });
    }

    [Test]
    public void Draws_follow_the_definition_over_a_sorted_list()
    {
        Gen.Select(s_logits, Gen.Int[0, 45], Gen.Float[0.01f, 1], Gen.Float[0.1f, 3], Gen.ULong).Sample((logits, topK, topP, temperature, seed) =>
        {
            var options = new GenerationOptions { TopK = topK, TopP = topP, Temperature = temperature };
            var scaled = logits.Select(logit => temperature == 1 ? logit : logit / (temperature + 1e-6f)).ToArray();
            var order = Enumerable.Range(0, logits.Length).OrderByDescending(id => scaled[id]).ThenBy(id => id).Take(topK == 0 ? int.MaxValue : topK).ToArray();
            var weights = order.Select(id => MathF.Exp(scaled[id] - scaled[order[0]])).ToArray();
            var random = new RandomGenerator(seed);
            var threshold = random.NextUniform() * topP * weights.Aggregate(0f, (sum, weight) => sum + weight);
            var running = 0f;
            var expected = order.FirstOrDefault(id => (running += MathF.Exp(scaled[id] - scaled[order[0]])) >= threshold, order[^1]);

            return Draw(logits, options, seed: seed) == expected;
        });
    }

    [Test]
    public void The_penalty_counts_each_id_of_the_sequence_once_after_the_temperature()
    {
        // 4 / 2 / 2 = 1 is less than 2.5 / 2; counted twice or before the temperature, another id would come.
        var options = new GenerationOptions { TopK = 1, Temperature = 2 - 1e-6f, RepetitionPenalty = 2 };

        Assert.That(Draw([4f, 2.5f, -1f], options, [0, 0, 0]), Is.EqualTo(1));
        Assert.That(Draw([4f, 1.9f, -1f], options, [0, 0, 0]), Is.EqualTo(0));
        Assert.That(Draw([-1f, -1.9f, -3f], options, [0, 0, 0]), Is.EqualTo(1), "a logit below 0 is multiplied");
    }

    [Test]
    public void Bad_words_ban_single_ids_with_0_among_them_and_the_last_id_of_a_sequence_that_stands()
    {
        ImmutableArray<ImmutableArray<int>> words = [[0], [5, 1]];
        var options = GenerationOptions.Greedy with { BadWords = words };

        Assert.That(Draw([9f, 8f, 7f], options, [4]), Is.EqualTo(1));
        Assert.That(Draw([9f, 8f, 7f], options, [5]), Is.EqualTo(2));
    }

    [Test]
    public void The_end_token_is_banned_where_it_is_ignored()
    {
        float[] logits = [0, 0, 0, 0, 0, 0, 0, 9, 1];

        Assert.That(Draw(logits, GenerationOptions.Greedy), Is.EqualTo(EndId));
        Assert.That(Draw(logits, GenerationOptions.Greedy with { IgnoreEos = true }), Is.EqualTo(8));
    }

    [Test]
    public void Logits_that_are_not_numbers_and_bans_of_everything_are_told()
    {
        Assert.That(() => Draw([1f, float.NaN, 2f], GenerationOptions.Greedy), Throws.InstanceOf<RuntimeException>().With.Message.Contains("not finite"));
        Assert.That(() => Draw([1f, float.NaN], new GenerationOptions { TopK = 0 }), Throws.InstanceOf<RuntimeException>().With.Message.Contains("not finite"));
        Assert.That(
            () => Draw([1f, 2f], GenerationOptions.Greedy with { BadWords = [[0], [1]] }),
            Throws.InstanceOf<RuntimeException>().With.Message.Contains("banned"));
    }

    [Test]
    public void Uniform_numbers_lie_in_0_to_1_and_fill_it()
    {
        var random = new RandomGenerator(42);
        var numbers = Enumerable.Range(0, 4000).Select(_ => random.NextUniform()).ToArray();

        Assert.That(numbers, Has.All.GreaterThan(0).And.All.LessThanOrEqualTo(1));
        Assert.That(numbers.Average(), Is.EqualTo(0.5).Within(0.02));
        Assert.That(numbers.GroupBy(number => (int)(number * 9.999)).Select(group => group.Count()), Has.All.GreaterThan(300));
    }

    private static int Draw(float[] logits, GenerationOptions options, int[]? history = null, ulong seed = 0)
    {
        var random = new RandomGenerator(seed);
        return new Sampler(logits.Length).Sample((float[])logits.Clone(), history ?? [], options, EndId, ref random);
    }
}
