using CsCheck;

namespace LayerCake.Recipes.Tests;

internal sealed class NearNameTests
{
    private static readonly string[] s_names = ["samples", "sequence_length", "seed", "dataset", "bits"];

    [TestCase("sample", "samples")]
    [TestCase("Samples", "samples")]
    [TestCase("sequence-length", "sequence_length")]
    [TestCase("sequencelength", "sequence_length")]
    [TestCase("sede", "seed")]
    [TestCase("bit", "bits")]
    [TestCase("colour", null)]
    [TestCase("", null)]
    public void The_nearest_name_is_found(string name, string? near) => Assert.That(NearName.Of(name, s_names), Is.EqualTo(near));

    [Test]
    public void Distance_is_zero_for_equals_and_the_same_both_ways() =>
        Gen.Select(Gen.String["abc"], Gen.String["abc"]).Sample((a, b) =>
            NearName.Distance(a, b) == NearName.Distance(b, a)
            && NearName.Distance(a, b) == 0 == (a == b)
            && NearName.Distance(a, b) <= Math.Max(a.Length, b.Length));
}
