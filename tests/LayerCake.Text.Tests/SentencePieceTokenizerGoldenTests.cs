namespace LayerCake.Text.Tests;

[TestFixtureSource(typeof(GoldenTokenizers), nameof(GoldenTokenizers.Names))]
internal sealed class SentencePieceTokenizerGoldenTests(string name)
{
    private readonly SentencePieceTokenizer _tokenizer = GoldenTokenizers.Load(name);

    [Test]
    public void Every_text_gets_the_ids_of_the_original_library()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in GoldenTokenizers.Cases(name))
            {
                Assert.That(_tokenizer.Encode(expected.Text), Is.EqualTo(expected.Ids), () => $"ids of \"{expected.Text}\"");
            }
        }
    }

    [Test]
    public void Every_sequence_of_ids_decodes_as_in_the_original_library()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in GoldenTokenizers.Cases(name))
            {
                Assert.That(_tokenizer.Decode(expected.Ids), Is.EqualTo(expected.Decoded), () => $"decoded \"{expected.Text}\"");
            }
        }
    }

    [Test]
    public void Sizes_and_special_ids_are_those_of_the_original_library()
    {
        var facts = GoldenTokenizers.Facts(name);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_tokenizer.VocabularySize, Is.EqualTo(facts.GetProperty("vocab_size").GetInt32()));
            Assert.That(_tokenizer.BosId, Is.EqualTo(facts.GetProperty("bos").GetInt32()));
            Assert.That(_tokenizer.EosId, Is.EqualTo(facts.GetProperty("eos").GetInt32()));
            Assert.That(_tokenizer.UnknownId, Is.EqualTo(facts.GetProperty("unk").GetInt32()));
            Assert.That(_tokenizer.PadId, Is.EqualTo(-1));
        }
    }
}
