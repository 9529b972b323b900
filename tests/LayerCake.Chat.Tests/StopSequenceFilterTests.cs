using CsCheck;

namespace LayerCake.Chat.Tests;

[TestFixture]
internal sealed class StopSequenceFilterTests
{
    [Test]
    public void Text_that_may_be_the_beginning_of_a_sequence_is_held_back_until_that_is_decided()
    {
        var filter = new StopSequenceFilter(["</s>"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(filter.Append("a<"), Is.EqualTo("a"));
            Assert.That(filter.Append("/"), Is.Empty);
            Assert.That(filter.Append("x"), Is.EqualTo("</x"));
            Assert.That(filter.Append("</"), Is.Empty);
            Assert.That(filter.Complete(), Is.EqualTo("</"));
            Assert.That(filter.IsStopped, Is.False);
        }
    }

    [Test]
    public void A_sequence_over_several_pieces_ends_the_text_before_it()
    {
        var filter = new StopSequenceFilter(["END"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(filter.Append("one E"), Is.EqualTo("one "));
            Assert.That(filter.Append("N"), Is.Empty);
            Assert.That(filter.Append("D two"), Is.Empty);
            Assert.That(filter.IsStopped, Is.True);
            Assert.That(filter.Complete(), Is.Empty);
        }
    }

    [Test]
    public void Of_sequences_that_end_together_the_longest_is_left_out() =>
        Assert.That(new StopSequenceFilter(["b", "ab"]).Append("xab"), Is.EqualTo("x"));

    [Test]
    public void Without_sequences_nothing_is_held_back() => Assert.That(new StopSequenceFilter([]).Append("x"), Is.EqualTo("x"));

    /// <summary>The reference looks at every prefix of the whole text; a small alphabet makes overlaps frequent.</summary>
    [Test]
    public void Any_cutting_into_pieces_gives_the_text_before_the_first_complete_sequence()
    {
        var text = Gen.Char["ab"].Array[0, 20].Select(characters => new string(characters));
        var sequence = Gen.Char["ab"].Array[1, 4].Select(characters => new string(characters));
        Gen.Select(text, sequence.Array[0, 3], Gen.Int[1, 5].Array[20]).Sample((whole, sequences, lengths) =>
        {
            var filter = new StopSequenceFilter(sequences);
            var (got, position) = ("", 0);
            foreach (var length in lengths)
            {
                var piece = whole.Substring(position, Math.Min(length, whole.Length - position));
                position += piece.Length;
                got += filter.Append(piece);
                if (filter.IsStopped)
                {
                    break;
                }
            }

            got += filter.Complete();
            return got == Reference(whole, sequences) && filter.IsStopped == (got.Length < whole.Length);
        });
    }

    private static string Reference(string text, string[] sequences)
    {
        for (var end = 1; end <= text.Length; end++)
        {
            var ending = sequences.Where(text[..end].EndsWith).ToList();
            if (ending.Count > 0)
            {
                return text[..(end - ending.Max(sequence => sequence.Length))];
            }
        }

        return text;
    }
}
