using LayerCake.Testing;
using LayerCake.Text.Chat;

namespace LayerCake.Text.Tests.Chat;

[TestFixture]
internal sealed class PromptEncoderTests
{
    [Test]
    public void Special_texts_become_their_tokens_where_the_folder_has_a_configuration()
    {
        using var folder = Folder("""{"added_tokens_decoder": {"7": {"content": "<end>", "special": true}, "8": {"content": "<end>>", "special": false}}}""");
        var encoder = new PromptEncoder(TokenizerFolder.Open(folder.Path));
        var tokenizer = TokenizerFolder.Open(folder.Path).Tokenizer;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(encoder.Encode("ab</s>b", isFirstTurn: true), Is.EqualTo((int[])[1, .. tokenizer.Encode("ab"), 2, .. tokenizer.Encode("b")]));
            Assert.That(encoder.Encode("a<end>>", isFirstTurn: false), Is.EqualTo((int[])[.. tokenizer.Encode("a"), 8]));
            Assert.That(encoder.Encode("<end>", isFirstTurn: false), Is.EqualTo(new[] { 7 }));
            Assert.That(encoder.EncodeStopWord("<end>"), Is.EqualTo(new[] { 7 }));
        }
    }

    [Test]
    public void Without_a_configuration_they_are_text()
    {
        using var folder = Folder(configuration: null);
        var encoder = new PromptEncoder(TokenizerFolder.Open(folder.Path));
        var tokenizer = TokenizerFolder.Open(folder.Path).Tokenizer;

        Assert.That(encoder.Encode("a</s>", isFirstTurn: true), Is.EqualTo((int[])[1, .. tokenizer.Encode("a</s>")]));
    }

    [Test]
    public void A_stop_word_of_several_tokens_keeps_them_all()
    {
        using var folder = Folder(configuration: null);
        var encoder = new PromptEncoder(TokenizerFolder.Open(folder.Path));
        var tokenizer = TokenizerFolder.Open(folder.Path).Tokenizer;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(encoder.EncodeStopWord("ab"), Is.EqualTo(new[] { tokenizer.PieceToId("ab") }));
            Assert.That(encoder.EncodeStopWord("ba"), Is.EqualTo(new[] { tokenizer.PieceToId("b"), tokenizer.PieceToId("a") }));
            Assert.That(() => encoder.EncodeStopWord(""), Throws.TypeOf<ChatTemplateException>());
        }
    }

    private static TemporaryFolder Folder(string? configuration)
    {
        var folder = new TemporaryFolder();
        File.WriteAllBytes(Path.Combine(folder.Path, "tokenizer.model"), ModelBuilder.Small().Build());
        if (configuration is not null)
        {
            File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"), configuration);
        }

        return folder;
    }
}
