namespace LayerCake.Building.Tests;

public sealed class DigestTests
{
    [Test]
    public void The_digest_of_nothing_is_the_known_one() =>
        Assert.That(Digest.Of([]).ToString(), Is.EqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));

    [Test]
    public void Text_form_and_digest_are_one_to_one()
    {
        var digest = Digest.Of("layercake");

        Assert.That(Digest.Parse(digest.ToString()), Is.EqualTo(digest));
        Assert.That(digest, Is.Not.EqualTo(Digest.Of("layercakf")));
        Assert.That(digest.Short, Has.Length.EqualTo(12));
    }

    [TestCase("")]
    [TestCase("e3b0")]
    [TestCase("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [TestCase("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase("../0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    public void Another_spelling_is_refused(string text)
    {
        Assert.That(Digest.TryParse(text, out _), Is.False);
        Assert.That(() => Digest.Parse(text), Throws.InstanceOf<FormatException>());
    }

    [Test]
    public void Digests_order_as_their_texts_do()
    {
        var digests = Enumerable.Range(0, 50).Select(i => Digest.Of($"{i}")).ToArray();

        Assert.That(digests.Order().Select(digest => digest.ToString()), Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
    }
}
