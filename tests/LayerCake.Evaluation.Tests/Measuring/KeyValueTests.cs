using System.Runtime.Intrinsics;
using CsCheck;
using LayerCake.Testing;
using LayerCake.Text;

namespace LayerCake.Evaluation.Tests;

internal sealed class KeyValueTests
{
    [Test]
    public void Sixteen_values_are_restored_as_each_by_itself() =>
        (from values in Gen.Float[-70, 70].Array[16]
         from scale in Gen.OneOf(Gen.Const(0f), Gen.Float[0.001f, 2])
         from zeroPoint in Gen.Float[-5, 5]
         from bits in Gen.OneOf(Gen.Const(4), Gen.Const(8))
         select (values, new IntegerRange(scale, zeroPoint, bits))).Sample(
            sample =>
            {
                var (values, range) = sample;
                var restored = range.Restore(Vector512.Create(values));
                for (var i = 0; i < values.Length; i++)
                {
                    Assert.That(restored[i], Is.EqualTo(range.Restore(values[i])));
                }
            },
            iter: 2000);

    [Test]
    public void Values_within_the_range_come_back_within_half_a_step()
    {
        foreach (var (bits, symmetric) in new[] { (8, false), (8, true), (4, false), (4, true) })
        {
            var range = IntegerRange.Of((-3, 5), bits, symmetric);
            for (var value = symmetric ? -5f : -3f; value <= 5; value += 0.01f)
            {
                Assert.That(range.Restore(value), Is.EqualTo(value).Within((range.Scale * 0.501f) + 0.004f), $"{bits} bits, {value}");
            }
        }
    }

    /// <summary>One row of k_proj of one layer, fifty times as large.</summary>
    [Test]
    public void A_channel_that_an_int4_cache_would_pay_for_is_flagged()
    {
        const int layer = 2, head = 1, channel = 9;
        using var folder = new TemporaryFolder();
        var altered = Golden.Alter(folder, RepositoryFiles.DemoModel, (name, values) =>
        {
            var columns = name == $"model.layers.{layer}.self_attn.k_proj.weight" ? 256 : name == $"model.layers.{layer}.self_attn.k_proj.bias" ? 1 : 0;
            foreach (ref var value in values.Slice(columns * ((head * 128) + channel), columns))
            {
                value = (Half)(50 * (float)value);
            }
        });

        var before = Measure(RepositoryFiles.DemoModel);
        var after = Measure(altered);

        Assert.That(before.Outliers, Is.Empty, "the demo model has none");
        var mine = after.Outliers.Where(outlier => outlier.Layer == layer && outlier.Kind == KeyValueKind.Key).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(mine.Select(outlier => (outlier.Head, outlier.Channel)), Does.Contain((head, channel)));
            // The rotary embedding turns a channel into the one half a head away and back.
            Assert.That(mine.Select(outlier => (outlier.Head, outlier.Channel)), Is.SubsetOf(new[] { (head, channel), (head, channel + 64) }));
            Assert.That(mine[0].OthersError, Is.GreaterThan(0.5), "int4 would leave little of the others");
            Assert.That(mine[0].OthersErrorWithout, Is.LessThan(0.35));
            Assert.That(after.Heads.Single(errors => errors is { Layer: layer, Kind: KeyValueKind.Key, Head: 0 }).Int4, Is.GreaterThan(0.5), "the other head pays too");
            Assert.That(QualityTable.Markdown(after, "x"), Does.Contain($"| {layer} | keys | {head} | {channel} |"));
        }
    }

    private static QualityReport Measure(string folder)
    {
        using var model = EvaluatedModel.Open(folder);
        var windows = EvaluationWindows.Load(RepositoryFiles.Recipes("data", "prose-eval.txt"), TokenizerFolder.Open(RepositoryFiles.DemoModel), 64, 2);
        return Evaluator.Run(new EvaluationRequest { Windows = windows, Variants = [new EvaluationVariant("model", model)] });
    }
}
