using LayerCake.Testing;

namespace LayerCake.Text.Tests;

internal sealed class TokenizerFolderTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void The_demo_model_puts_BOS_in_front_once()
    {
        var folder = TokenizerFolder.Open(RepositoryFiles.DemoModel);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(folder.EncodeWithSpecialTokens("Hello world"), Is.EqualTo((int[])[1, .. folder.Tokenizer.Encode("Hello world")]));
            Assert.That(folder.EncodeWithSpecialTokens("a\n\nb").Count(id => id == folder.BosId), Is.EqualTo(1));
            Assert.That(folder.EncodeWithSpecialTokens(string.Empty), Is.EqualTo((int[])[1]));
            Assert.That((folder.BosId, folder.EosId, folder.AddsBos, folder.AddsEos), Is.EqualTo((1, 2, true, false)));
            Assert.That(folder.AddedTokens, Is.Empty);
        }
    }

    [Test]
    public void A_model_file_alone_puts_its_own_BOS_in_front()
    {
        CopyModel();

        var folder = TokenizerFolder.Open(_folder.Path);

        Assert.That(folder.EncodeWithSpecialTokens("a")[0], Is.EqualTo(1));
        Assert.That(folder.ModelPath, Is.EqualTo(_folder.At("tokenizer.model")));
    }

    [TestCase("{\"add_bos_token\": false, \"add_eos_token\": true}", false, true)]
    [TestCase("{\"add_bos_token\": null}", true, false)]
    [TestCase("{\"add_bos_token\": false, \"bos_token\": null}", false, false)]
    public void The_config_decides_about_BOS_and_EOS(string config, bool bos, bool eos)
    {
        CopyModel();
        Write("tokenizer_config.json", config);

        int[] ids = TokenizerFolder.Open(_folder.Path).EncodeWithSpecialTokens("a");

        Assert.That((ids[0] == 1, ids[^1] == 2), Is.EqualTo((bos, eos)));
    }

    [Test]
    public void Special_tokens_are_named_by_string_or_object_in_either_file()
    {
        CopyModel();
        Write("tokenizer_config.json", "{\"bos_token\": {\"content\": \"<eoa>\"}}");
        Write("special_tokens_map.json", "{\"bos_token\": \"<s>\", \"eos_token\": \"<eoh>\"}");

        var folder = TokenizerFolder.Open(_folder.Path);

        Assert.That((folder.BosId, folder.EosId), Is.EqualTo((7, 6)));
    }

    [Test]
    public void Added_tokens_of_both_files_are_listed_by_id()
    {
        CopyModel();
        Write("added_tokens.json", "{\"<pad>\": 4097, \"<mask>\": 4096}");
        Write(
            "tokenizer_config.json",
            "{\"bos_token\": \"<pad>\", \"added_tokens_decoder\": {\"4097\": {\"content\": \"<pad>\", \"special\": true}, \"1\": {\"content\": \"<s>\"}}}");

        var folder = TokenizerFolder.Open(_folder.Path);

        Assert.That(
            folder.AddedTokens,
            Is.EqualTo((AddedToken[])[new(1, "<s>", false), new(4096, "<mask>", false), new(4097, "<pad>", true)]));
        Assert.That(folder.BosId, Is.EqualTo(4097));
    }

    [Test]
    public void A_folder_without_a_tokenizer_is_refused_by_name()
    {
        Assert.That(
            () => TokenizerFolder.Open(_folder.Path),
            Throws.TypeOf<TokenizerException>().With.Message.EqualTo(
                $"{_folder.Path}: no tokenizer found. The SentencePiece model tokenizer.model is looked for: download it from the model's repository into the folder."));
        Assert.That(
            () => TokenizerFolder.Open(_folder.At("absent")),
            Throws.TypeOf<TokenizerException>().With.Message.Contains("there is no such folder"));
    }

    [Test]
    public void A_fast_tokenizer_alone_is_refused_with_the_file_that_is_needed()
    {
        Write("tokenizer.json", "{}");

        Assert.That(
            () => TokenizerFolder.Open(_folder.Path),
            Throws.TypeOf<TokenizerException>().With.Message.Contains("has tokenizer.json, which is not read. The SentencePiece model tokenizer.model is needed"));
    }

    [TestCase("tokenizer_config.json", "{\n\"add_bos_token\": tru}", "tokenizer_config.json:2: not valid JSON")]
    [TestCase("tokenizer_config.json", "[]", "not a JSON object")]
    [TestCase("tokenizer_config.json", "{\"add_bos_token\": \"yes\"}", "\"add_bos_token\" is neither true nor false")]
    [TestCase("tokenizer_config.json", "{\"bos_token\": 1}", "\"bos_token\" is not a string")]
    [TestCase("tokenizer_config.json", "{\"bos_token\": \"\\udc00\"}", "an escape that is no Unicode character")]
    [TestCase("tokenizer_config.json", "{\"bos_token\": \"<bos>\"}", "the bos_token \"<bos>\" of tokenizer_config.json or special_tokens_map.json is neither")]
    [TestCase("tokenizer_config.json", "{\"bos_token\": null}", "Set \"add_bos_token\": false")]
    [TestCase("tokenizer_config.json", "{\"add_eos_token\": true, \"eos_token\": null}", "Set \"add_eos_token\": false")]
    [TestCase("tokenizer_config.json", "{\"added_tokens_decoder\": []}", "\"added_tokens_decoder\" is not an object")]
    [TestCase("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}", "the entry \"x\" of \"added_tokens_decoder\"")]
    [TestCase("added_tokens.json", "{\"<pad>\": \"1\"}", "\"<pad>\" has no token id")]
    public void A_faulty_file_is_refused_with_the_reason(string name, string content, string reason)
    {
        CopyModel();
        Write(name, content);

        Assert.That(
            () => TokenizerFolder.Open(_folder.Path),
            Throws.TypeOf<TokenizerException>().With.Message.StartsWith(_folder.Path).And.Message.Contains(reason));
    }

    private void CopyModel() => File.Copy(Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model"), _folder.At("tokenizer.model"));

    private void Write(string name, string content) => File.WriteAllText(_folder.At(name), content);
}
