using System.Text;
using CsCheck;
using LayerCake.Testing;
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

    /// <summary>Each character comes as its bytes, or however the model cuts it: any split that tokens can make of a text.</summary>
    [Test]
    public void No_split_of_a_text_shows_a_character_that_is_not_in_it()
    {
        var tokenizer = TokenizerFolder.Open(RepositoryFiles.DemoModel).Tokenizer;
        var detokenizer = new StreamingDetokenizer(tokenizer);
        var rune = Gen.OneOf(Gen.Int[0x20, 0x7E], Gen.Int[0xA0, 0xD7FF], Gen.Int[0xE000, 0xFFFC], Gen.Int[0x10000, 0x10FFFF]).Select(value => new Rune(value));
        Gen.Select(rune, Gen.Bool).Array[0, 30].Sample(
            characters =>
            {
                // A word before them takes the space that decoding removes from the front of a text.
                List<int> ids = [.. tokenizer.Encode("x")];
                var parts = ids.Select(detokenizer.Append).ToList();
                foreach (var (character, asBytes) in characters)
                {
                    int[] own = asBytes
                        ? [.. Encoding.UTF8.GetBytes(character.ToString()).Select(value => tokenizer.PieceToId($"<0x{value:X2}>"))]
                        : tokenizer.Encode(character.ToString());
                    ids.AddRange(own);
                    parts.AddRange(own.Select(detokenizer.Append));
                }

                parts.Add(detokenizer.Complete());
                var text = string.Concat(parts);
                return !text.Contains('\uFFFD')
                    && parts.All(part => part.Length == 0 || (!char.IsLowSurrogate(part[0]) && !char.IsHighSurrogate(part[^1])))
                    && text == tokenizer.Decode(ids)
                    && text.Replace(" ", "", StringComparison.Ordinal) == "x" + string.Concat(characters.Select(each => each.Item1)).Replace(" ", "", StringComparison.Ordinal);
            },
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
