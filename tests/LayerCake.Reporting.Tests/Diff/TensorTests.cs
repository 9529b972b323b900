using CsCheck;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed class TensorTests
{
    private const string Linear = "model.layers.1.self_attn.o_proj";
    private const string InWorkspace = "layers.1.attention.wo.0";

    [Test]
    public void Equal_checkpoints_are_equal_however_they_are_stored()
    {
        using var folder = new TemporaryFolder();
        var a = RepositoryFiles.Golden("internlm", "awq");
        var b = new Checkpoint().WriteTo(folder.At("b"));

        var difference = PackageDiff.Compare(a, b);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(difference.AreEqual, Is.True);
            Assert.That(difference.Tensors, Has.Count.EqualTo(2 * (7 + 4 + 2) + 3).And.All.Matches<TensorDifference>(tensor => !tensor!.Differs), "a linear is one tensor");
        }
    }

    [TestCase(0, 0)]
    [TestCase(37, 200)]
    [TestCase(255, 255)]
    public void A_changed_code_is_found_at_its_place_in_the_checkpoint_and_in_the_workspace(int input, int output)
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        changed.ChangeCode(Linear, input, output, by: 3);

        var rows = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.Single();
        var tiles = PackageDiff.Compare(new Checkpoint().ConvertTo(folder.At("wa")), changed.ConvertTo(folder.At("wb"))).DifferingTensors.Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(rows.Name, Is.EqualTo(Linear));
            Assert.That(tiles.Name, Is.EqualTo(InWorkspace));
            foreach (var tensor in new[] { rows, tiles })
            {
                Assert.That((tensor.Differing, tensor.Elements, tensor.ScalesDiffering), Is.EqualTo((1L, 256L * 256, 0L)));
                Assert.That(tensor.First, Is.EqualTo(new long[] { input, output }));
                Assert.That(tensor.FirstA, Is.Not.EqualTo(tensor.FirstB));
            }

            Assert.That(tiles.FirstA!.Split(' ')[..2], Is.EqualTo(rows.FirstA!.Split(' ')[..2]), "the same code");
            Assert.That(tiles.MaxAbsolute, Is.EqualTo(rows.MaxAbsolute).Within(0.1).Percent, "scales are rounded to float16");
            Assert.That(tiles.RelativeRms, Is.EqualTo(rows.RelativeRms).Within(0.1).Percent);
        }
    }

    [Test]
    public void Any_codes_that_change_count_alike_in_rows_and_tiles() =>
        Gen.Select(Gen.Int[0, 255], Gen.Int[0, 255], Gen.Int[1, 15]).Array[1, 40].Sample(
            edits =>
            {
                using var folder = new TemporaryFolder();
                var changed = new Checkpoint();
                foreach (var (input, output, by) in edits.DistinctBy(edit => (edit.Item1, edit.Item2)))
                {
                    changed.ChangeCode(Linear, input, output, by);
                }

                var rows = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.Single();
                var tiles = PackageDiff.Compare(new Checkpoint().ConvertTo(folder.At("wa")), changed.ConvertTo(folder.At("wb"))).DifferingTensors.Single();

                var expected = edits.DistinctBy(edit => (edit.Item1, edit.Item2)).Count();
                return rows.Differing == expected && tiles.Differing == expected && rows.First.SequenceEqual(tiles.First)
                    && Math.Abs(rows.RelativeRms - tiles.RelativeRms) < 1e-3 * rows.RelativeRms;
            },
            iter: 15);

    [Test]
    public void The_error_of_codes_is_that_of_the_numbers_they_stand_for()
    {
        using var folder = new TemporaryFolder();
        var (before, after) = (new Checkpoint(), new Checkpoint());
        after.ChangeCode(Linear, 5, 9, by: 1);
        after.ChangeCode(Linear, 200, 13, by: 2);

        var tensor = PackageDiff.Compare(before.WriteTo(folder.At("a")), after.WriteTo(folder.At("b"))).DifferingTensors.Single();

        var (a, b) = (Dequantized.Of(before, Linear), Dequantized.Of(after, Linear));
        var error = a.Zip(b, (x, y) => Math.Pow(y - x, 2)).Sum();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.MaxAbsolute, Is.EqualTo(a.Zip(b, (x, y) => Math.Abs(y - x)).Max()).Within(1e-6));
            Assert.That(tensor.RelativeRms, Is.EqualTo(Math.Sqrt(error / a.Sum(x => x * x))).Within(1e-3).Percent);
        }
    }

    [Test]
    public void Changed_scales_are_counted_and_show_in_the_error()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        changed.Values<float>($"{Linear}.scales")[300] *= 2;
        changed.Values<float>($"{Linear}.scales")[301] *= 2;

        var tensor = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.Single();

        Assert.That((tensor.Differing, tensor.ScalesDiffering, tensor.First.Count), Is.EqualTo((0L, 2L, 0)));
        Assert.That(tensor.RelativeRms, Is.GreaterThan(0).And.LessThan(1));
    }

    [Test]
    public void Float16_errors_are_exact_and_the_first_index_is_named()
    {
        using var folder = new TemporaryFolder();
        const string Name = "model.embed_tokens.weight";
        var (a, b) = (new Checkpoint(), new Checkpoint());
        a.Values<Half>(Name).Fill((Half)2);
        b.Values<Half>(Name).Fill((Half)2);
        b.Values<Half>(Name)[(5 * 256) + 7] = (Half)3;
        b.Values<Half>(Name)[(9 * 256) + 1] = (Half)0.5;

        var tensor = PackageDiff.Compare(a.WriteTo(folder.At("a")), b.WriteTo(folder.At("b"))).DifferingTensors.Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((tensor.Name, tensor.Differing, tensor.MaxAbsolute), Is.EqualTo((Name, 2L, 1.5)));
            Assert.That(tensor.First, Is.EqualTo(new long[] { 5, 7 }));
            Assert.That((tensor.FirstA, tensor.FirstB), Is.EqualTo(("2", "3")));
            Assert.That(tensor.RelativeRms, Is.EqualTo(Math.Sqrt((1 + 2.25) / (4 * 96 * 256))).Within(1e-9));
        }
    }

    [Test]
    public void Values_that_are_no_numbers_are_told_and_come_first()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        changed.Values<Half>("model.norm.weight")[3] = Half.NaN;
        changed.Values<Half>("model.embed_tokens.weight")[0] += (Half)100;

        var differing = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.ToList();

        Assert.That(differing.Select(tensor => tensor.Name), Is.EqualTo(new[] { "model.norm.weight", "model.embed_tokens.weight" }));
        Assert.That(differing[0].RelativeRms, Is.NaN);
        Assert.That((differing[0].Differing, differing[0].First[0]), Is.EqualTo((1L, 3L)));
    }

    [Test]
    public void Equal_infinities_are_no_difference()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new Checkpoint(), new Checkpoint());
        foreach (var checkpoint in new[] { a, b })
        {
            checkpoint.Values<Half>("model.norm.weight")[3] = Half.PositiveInfinity;
        }

        b.Values<Half>("model.norm.weight")[4] = (Half)0.25;

        var tensor = PackageDiff.Compare(a.WriteTo(folder.At("a")), b.WriteTo(folder.At("b"))).DifferingTensors.Single();

        Assert.That((tensor.Differing, double.IsFinite(tensor.MaxAbsolute)), Is.EqualTo((1L, true)));
    }

    [Test]
    public void Tensors_of_other_shapes_and_of_one_side_are_told()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        changed.Remove("lm_head.weight");
        changed.Replace(TensorInfo.Of("model.norm.weight", DType.F16, 128), new byte[256]);
        changed.Replace(TensorInfo.Of("extra", DType.I64, 1), new byte[8]);

        var byName = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.ToDictionary(tensor => tensor.Name);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(byName["lm_head.weight"].Change, Is.EqualTo(TensorChange.OnlyInA));
            Assert.That(byName["extra"].Change, Is.EqualTo(TensorChange.OnlyInB));
            Assert.That((byName["model.norm.weight"].A, byName["model.norm.weight"].B), Is.EqualTo(("F16 [256]", "F16 [128]")));
        }
    }

    [Test]
    public void The_same_numbers_in_another_type_differ_by_nothing()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        var wide = changed.Values<Half>("model.norm.weight").ToArray().SelectMany(value => BitConverter.GetBytes((float)value)).ToArray();
        changed.Replace(TensorInfo.Of("model.norm.weight", DType.F32, 256), wide);

        var tensor = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))).DifferingTensors.Single();

        Assert.That((tensor.A, tensor.B, tensor.Differing, tensor.RelativeRms), Is.EqualTo(("F16 [256]", "F32 [256]", 0L, 0.0)));
    }
}
