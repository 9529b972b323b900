using CsCheck;

namespace LayerCake.Building.Tests;

public sealed class RelativePathTests
{
    [TestCase("a")]
    [TestCase("weights/layers.0.attention_norm.weight")]
    [TestCase("a b/ü/…")]
    [TestCase("..a/b..")]
    [TestCase("...")]
    [TestCase("-x")]
    public void A_plain_path_is_taken_as_it_is(string text) => Assert.That(RelativePath.Parse(text).Value, Is.EqualTo(text));

    [TestCase("", "empty")]
    [TestCase("/etc/passwd", "rooted")]
    [TestCase("../x", "'..'")]
    [TestCase("a/../b", "'..'")]
    [TestCase("a/..", "'..'")]
    [TestCase("./a", "'.'")]
    [TestCase("a//b", "empty segment")]
    [TestCase("a/", "empty segment")]
    [TestCase("a\\b", "backslash")]
    [TestCase("C:/x", "drive")]
    [TestCase("c:x", "drive")]
    [TestCase("a\0b", "control")]
    [TestCase("a\nb", "control")]
    [TestCase("a\u0085b", "control")]
    public void A_path_that_could_lead_elsewhere_is_refused_with_the_reason(string text, string reason)
    {
        Assert.That(RelativePath.TryParse(text, out _), Is.False);
        Assert.That(() => RelativePath.Parse(text), Throws.InstanceOf<FormatException>().With.Message.Contains(reason));
    }

    [Test]
    public void A_path_that_is_not_Unicode_is_refused() => Assert.That(RelativePath.TryParse("a" + (char)0xd800, out _), Is.False);

    [Test]
    public void A_segment_and_a_path_longer_than_Linux_allows_are_refused()
    {
        Assert.That(RelativePath.TryParse(new string('a', 255), out _), Is.True);
        Assert.That(RelativePath.TryParse(new string('ü', 128), out _), Is.False);
        Assert.That(RelativePath.TryParse(string.Join('/', Enumerable.Repeat(new string('a', 200), 30)), out _), Is.False);
    }

    [Test]
    public void Whatever_is_taken_stays_below_its_folder() =>
        Gen.String[Gen.Int[0, 7].Select(i => "./\\a:\0~ "[i]), 0, 10].Sample(text =>
        {
            if (RelativePath.TryParse(text, out var path))
            {
                Assert.That(Path.GetFullPath(path.Below("/root/folder")), Does.StartWith("/root/folder/"));
                Assert.That(path.ToString(), Is.EqualTo(text));
            }
        }, iter: 5000);

    [Test]
    public void Paths_compare_ordinally_and_know_their_parents()
    {
        var paths = new[] { RelativePath.Parse("b"), RelativePath.Parse("a/b"), RelativePath.Parse("a.b"), RelativePath.Parse("B") };
        Array.Sort(paths);

        Assert.That(paths.Select(path => path.Value), Is.EqualTo(new[] { "B", "a.b", "a/b", "b" }));
        Assert.That(RelativePath.Parse("a/b/c").Parent, Is.EqualTo(RelativePath.Parse("a/b")));
        Assert.That(RelativePath.Parse("a").Parent, Is.Null);
        Assert.That(RelativePath.Parse("a/b").Name, Is.EqualTo("b"));
    }
}
