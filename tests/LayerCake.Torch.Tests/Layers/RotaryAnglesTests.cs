using LayerCake.Models;
using LayerCake.Torch.Layers;

namespace LayerCake.Torch.Tests.Layers;

internal sealed unsafe class RotaryAnglesTests
{
    private static readonly ModelConfiguration Plain = new()
    {
        Architecture = "LlamaForCausalLM",
        Source = "test",
        HiddenSize = 80,
        IntermediateSize = 96,
        LayerCount = 1,
        HeadCount = 2,
        KeyValueHeadCount = 1,
        VocabularySize = 10,
        RmsNormEpsilon = 1e-6,
        MaxPositionEmbeddings = 64,
        HasAttentionBias = false,
    };

    [Test]
    public void Angles_are_position_times_inverse_frequency()
    {
        var table = RotaryAngles.Table(Plain, 20);

        var angle = 13 * Math.Pow(10000, -2.0 * 7 / 40);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(table.Cosines[(13 * 20) + 7], Is.EqualTo(Math.Cos(angle)).Within(5e-4));
            Assert.That(table.Sines[(13 * 20) + 7], Is.EqualTo(Math.Sin(angle)).Within(5e-4));
        }
    }

    [Test]
    public void Linear_scaling_divides_positions()
    {
        var stretched = RotaryAngles.Table(Plain with { RopeScaling = new RopeScaling(RopeScalingKind.Linear, 4) }, 21);

        var plain = RotaryAngles.Table(Plain, 21);

        Assert.That(stretched.Cosines.Slice(20 * 20, 20).ToArray(), Is.EqualTo(plain.Cosines.Slice(5 * 20, 20).ToArray()));
    }

    [Test]
    public void Dynamic_scaling_changes_only_sequences_beyond_the_trained_length()
    {
        var scaled = Plain with { RopeScaling = new RopeScaling(RopeScalingKind.Dynamic, 2) };

        var within = RotaryAngles.Table(scaled, 64);
        var beyond = RotaryAngles.Table(scaled, 128);

        // base · (2 · 128 / 64 − 1) ^ (40 / 38)
        var angle = 100 * Math.Pow(10000 * Math.Pow(3, 40.0 / 38), -2.0 * 19 / 40);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(within.Cosines.ToArray(), Is.EqualTo(RotaryAngles.Table(Plain, 64).Cosines.ToArray()));
            Assert.That(beyond.Sines[(100 * 20) + 19], Is.EqualTo(Math.Sin(angle)).Within(1e-4));
        }
    }

    [Test]
    public void Rotating_turns_pairs_of_the_two_halves_of_a_head()
    {
        var table = RotaryAngles.Table(Plain, 3);
        var random = new Random(2);
        var before = Enumerable.Range(0, 3 * 96).Select(_ => (float)(Half)(random.NextSingle() - 0.5f)).ToArray();
        var after = before.ToArray();

        fixed (float* x = after)
        {
            table.Apply(x, 3, 96, 2);
        }

        using (Assert.EnterMultipleScope())
        {
            for (var i = 0; i < 20; i++)
            {
                var (low, high) = ((2 * 96) + 40 + i, (2 * 96) + 60 + i);
                var (cosine, sine) = (table.Cosines[(2 * 20) + i], table.Sines[(2 * 20) + i]);
                Assert.That(after[low], Is.EqualTo(Rounded(Rounded(before[low] * cosine) - Rounded(before[high] * sine))));
                Assert.That(after[high], Is.EqualTo(Rounded(Rounded(before[high] * cosine) + Rounded(before[low] * sine))));
            }

            Assert.That(after[80..96], Is.EqualTo(before[80..96]));
        }

        static float Rounded(float value) => (float)(Half)value;
    }
}
