using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>layercake tokenize</c> against what the original SentencePiece library gives.</summary>
public sealed class TokenizeTests
{
    [TestCase("internlm")]
    [TestCase("open-llama-3b")]
    [TestCase("internlm-tiny")]
    public void Ids_and_decoded_texts_are_those_of_SentencePiece(string name)
    {
        var model = name == "internlm-tiny" ? RepositoryFiles.DemoModel : RepositoryFiles.Golden("tokenizers", $"{name}.model");
        using var golden = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Golden("tokenizers.json")));
        var cases = golden.RootElement.GetProperty(name).GetProperty("cases").EnumerateArray().ToList();

        var encoded = Tokenize([model], cases.Select(one => one.GetProperty("text").GetRawText()));
        var decoded = Tokenize([model, "--decode"], cases.Select(one => JsonSerializer.Serialize(one.GetProperty("ids"))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(encoded, Is.EqualTo(cases.Select(one => $"[{string.Join(", ", one.GetProperty("ids").EnumerateArray())}]")));
            Assert.That(
                decoded.Select(line => JsonSerializer.Deserialize<string>(line)), Is.EqualTo(cases.Select(one => one.GetProperty("decoded").GetString())));
        }
    }

    [Test]
    public void Special_tokens_are_added_where_they_are_asked_for() => Assert.That(
        Tokenize([RepositoryFiles.DemoModel, "--add-special-tokens"], ["\"\"", "", "\"\""]), Is.EqualTo(new[] { "[1]", "[1]" }), "empty lines are passed over");

    [TestCase("Hello", "standard input, line 2: a JSON string is wanted, for example \"Hello\".")]
    [TestCase("[1]", "standard input, line 2: a JSON string is wanted, for example \"Hello\".")]
    [TestCase("\"half \\ud800 pair\"", "standard input, line 2: a JSON string is wanted, for example \"Hello\".")]
    [TestCase("\"open", "standard input, line 2: a JSON string is wanted, for example \"Hello\".")]
    public void A_line_that_is_no_JSON_string_is_told_with_its_number(string line, string message) =>
        LayerCakeCommand.Run(RepositoryFiles.Root, ["tokenize", Models.DemoTokenizer], $"\"a\"\n{line}\n").WasRefused(ExitCode.Usage, message);

    [TestCase("[1.5]")]
    [TestCase("[\"a\"]")]
    [TestCase("[99999999999]")]
    public void A_line_that_is_no_array_of_ids_is_told_with_its_number(string line) =>
        LayerCakeCommand.Run(RepositoryFiles.Root, ["tokenize", Models.DemoTokenizer, "--decode"], $"\n{line}\n").WasRefused(
            ExitCode.Usage, "standard input, line 2: a JSON array of token ids is wanted, for example [1, 29871].");

    [Test]
    public void Special_tokens_without_a_folder_and_a_tokenizer_that_is_not_there_are_told()
    {
        using (Assert.EnterMultipleScope())
        {
            LayerCakeCommand.Run(RepositoryFiles.Root, "tokenize", Models.DemoTokenizer, "--add-special-tokens").WasRefused(
                ExitCode.Usage, "--add-special-tokens needs a model folder: its JSON files say which tokens go around a text.");
            LayerCakeCommand.Run(RepositoryFiles.Root, "tokenize", "nothing").WasRefused(ExitCode.Input, "nothing: there is no such SentencePiece model.");
            LayerCakeCommand.Run(RepositoryFiles.Root, ["tokenize", Models.DemoTokenizer, "--decode"], "[4096]\n")
                .WasRefusedWith(ExitCode.Input, Does.Contain("4096"));
        }
    }

    private static string[] Tokenize(string[] arguments, IEnumerable<string> lines) =>
        LayerCakeCommand.Run(RepositoryFiles.Root, ["tokenize", .. arguments], string.Concat(lines.Select(line => line + "\n")))
            .Succeeded().Output.Split('\n')[..^1];
}
