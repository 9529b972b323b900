using CsCheck;
using LayerCake.Text.Chat;
using LayerCake.Text.SentencePiece;

namespace LayerCake.Text.Tests.Chat;

[TestFixture]
internal sealed class StreamingDetokenizerTests
{
    [TestCaseSource(typeof(GoldenTokenizers), nameof(GoldenTokenizers.Names))]
    public void The_parts_join_to_what_the_original_decodes(string name)
    {
        var detokenizer = new StreamingDetokenizer(GoldenTokenizers.Load(name));
        foreach (var golden in GoldenTokenizers.Cases(name))
        {
            var text = string.Concat(golden.Ids.Select(detokenizer.Append)) + detokenizer.Complete();

            Assert.That(text, Is.EqualTo(golden.Decoded));
        }
    }

    [TestCaseSource(typeof(GoldenTokenizers), nameof(GoldenTokenizers.Names))]
    public void Any_ids_stream_to_the_text_of_all(string name)
    {
        var tokenizer = GoldenTokenizers.Load(name);
        var detokenizer = new StreamingDetokenizer(tokenizer);

        // Byte pieces have the low ids; half of the ids come from there.
        var id = Gen.OneOf(Gen.Int[0, Math.Min(300, tokenizer.VocabularySize - 1)], Gen.Int[0, tokenizer.VocabularySize - 1]);
        id.Array[0, 40].Sample(
            ids => string.Concat(ids.Select(detokenizer.Append)) + detokenizer.Complete() == tokenizer.Decode(ids),
            threads: 1);
    }

    [Test]
    public void A_character_of_several_byte_tokens_comes_once_and_whole()
    {
        var (tokenizer, byteId) = WithBytes();
        var detokenizer = new StreamingDetokenizer(tokenizer);

        var parts = "书a"u8.ToArray().Select(value => detokenizer.Append(byteId(value))).ToArray();

        Assert.That(parts, Is.EqualTo(new[] { "", "", "书", "a" }));
        Assert.That(detokenizer.Complete(), Is.Empty);
    }

    [Test]
    public void Bytes_that_become_no_character_are_replaced_as_soon_as_that_is_certain()
    {
        var (tokenizer, byteId) = WithBytes();
        var detokenizer = new StreamingDetokenizer(tokenizer);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(detokenizer.Append(byteId(0xFF)), Is.EqualTo("\uFFFD"));
            Assert.That(detokenizer.Append(byteId(0xE4)), Is.Empty);
            Assert.That(detokenizer.Append(byteId((byte)'x')), Is.EqualTo("\uFFFDx"));
            Assert.That(detokenizer.Append(byteId(0xF0)), Is.Empty);
            Assert.That(detokenizer.Append(byteId(0x9F)), Is.Empty);
            Assert.That(detokenizer.Complete(), Is.EqualTo("\uFFFD\uFFFD"));
        }
    }

    [Test]
    public void An_id_outside_the_vocabulary_is_refused_by_number()
    {
        var (tokenizer, _) = WithBytes();
        var detokenizer = new StreamingDetokenizer(tokenizer);

        Assert.That(() => detokenizer.Append(tokenizer.VocabularySize), Throws.TypeOf<TokenizerException>().With.Message.Contains($"{tokenizer.VocabularySize}"));
        Assert.That(() => detokenizer.Append(-1), Throws.TypeOf<TokenizerException>());
    }

    private static (SentencePieceTokenizer Tokenizer, Func<byte, int> ByteId) WithBytes()
    {
        var model = ModelBuilder.Small();
        for (var value = 0; value < 256; value++)
        {
            model.Piece($"<0x{value:X2}>", 0, PieceType.Byte);
        }

        var tokenizer = model.Trainer(ModelKind.Bpe, byteFallback: true).Parse();
        return (tokenizer, value => tokenizer.PieceToId($"<0x{value:X2}>"));
    }
}
