using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Lite;

/// <summary><c>layercake convert</c> on the models and AWQ folders of the original.</summary>
public sealed class ConvertTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // {template} is the chat template, {model} and {awq} the folders, {tokenizer} the demo model's.
    [TestCase("internlm", "fp16_tp1", "{template}", "{model}", "--tokenizer_path", "{tokenizer}")]
    [TestCase("internlm", "fp16_tp2", "--model-name={template}", "--model-path={model}", "--tokenizer-path={tokenizer}", "--tp=2")]
    [TestCase("internlm", "w4_tp1", "{template}", "{awq}", "--model-format", "awq", "--group-size", "128", "--tp", "1", "--tokenizer-path", "{tokenizer}")]
    [TestCase("internlm", "w4_tp2", "{template}", "{model}", "--quant_path", "{awq}", "--model_format=awq", "--group_size=128", "--tp", "2", "--tokenizer_path", "{tokenizer}")]
    [TestCase("llama-gqa", "fp16_tp1", "{template}", "{model}", "hf", "{tokenizer}")]
    [TestCase("llama-gqa", "fp16_tp2", "{template}", "{model}", "None", "{tokenizer}", "./workspace", "2")]
    [TestCase("llama-gqa", "w4_tp1", "{template}", "{awq}", "awq", "{tokenizer}", "./workspace", "1", "None", "128")]
    [TestCase("llama-gqa", "w4_tp2", "{template}", "{awq}", "awq", "{tokenizer}", "--group-size", "128", "--tp", "2")]
    [TestCase("llama-sharded-bf16", "fp16_tp1", "{template}", "{model}", "--tokenizer-path", "{tokenizer}", "--weight-type", "float16")]
    [TestCase("llama-sharded-bf16", "w4_tp1", "{template}", "{awq}", "--model-format", "awq", "--group-size", "128", "--tokenizer-path", "{tokenizer}")]
    public void Weights_and_printed_lines_are_those_of_the_original(string golden, string variant, params string[] arguments)
    {
        var result = Run(golden, variant, arguments).Succeeded();

        var lines = File.ReadAllLines(RepositoryFiles.Golden(golden, $"weights_{variant}.log"));
        Assert.That(result.Output.Split('\n').Where(line => line.StartsWith("***", StringComparison.Ordinal) || line.StartsWith("###", StringComparison.Ordinal)), Is.EqualTo(lines));
        Assert.That(List(_folder.At("workspace", "triton_models", "weights")), Is.EqualTo(File.ReadAllLines(RepositoryFiles.Golden(golden, $"weights_{variant}.sha256"))));
    }

    [Test]
    public void An_earlier_workspace_is_replaced_and_inspect_finds_the_new_one_sound()
    {
        string[] arguments = ["{template}", "{model}", "--tokenizer_path", "{tokenizer}"];
        Run("internlm", "fp16_tp1", [.. arguments, "--tp", "2"]).Succeeded();

        var again = Run("internlm", "fp16_tp1", arguments).Succeeded();

        Assert.That(again.Output, Does.StartWith("remove workspace in directory ./workspace\ncreate workspace in directory ./workspace\n"));
        Assert.That(File.Exists(_folder.At("workspace", "triton_models", "weights", "layers.0.attention.wo.1.weight")), Is.False);
        LayerCakeCommand.Run(_folder.Path, "inspect", "workspace").Succeeded();
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path, ".*"), Is.Empty, "nothing is left beside the workspace");
    }

    [TestCase("--weight-type", "int8", "--weight-type takes auto, float16 or bfloat16, not 'int8'.")]
    [TestCase("--tp", "one", "--tp takes a whole number from 1 on, not 'one'.")]
    public void A_value_that_cannot_be_is_refused(string flag, string value, string message) =>
        Run("internlm", "fp16_tp1", "{template}", "{model}", "--tokenizer_path", "{tokenizer}", flag, value).WasRefused(ExitCode.Usage, message);

    [Test]
    public void An_unknown_chat_template_is_refused_with_the_known_ones() =>
        LayerCakeCommand.Run(_folder.Path, "convert", "internlm-chat-7", RepositoryFiles.DemoModel)
            .WasRefusedWith(ExitCode.Input, Does.Contain("internlm-chat-7b").And.Contain("llama2"));

    private CommandResult Run(string golden, string variant, params string[] arguments)
    {
        var template = File.ReadLines(RepositoryFiles.Golden(golden, $"weights_{variant}", "config.ini"))
            .First(line => line.StartsWith("model_name", StringComparison.Ordinal)).Split(" = ")[1];
        return LayerCakeCommand.Run(
            _folder.Path,
            [
                "convert",
                .. arguments.Select(argument => argument
                    .Replace("{template}", template)
                    .Replace("{model}", RepositoryFiles.Golden(golden, "model"))
                    .Replace("{awq}", RepositoryFiles.Golden(golden, "awq"))
                    .Replace("{tokenizer}", Models.DemoTokenizer)),
            ]);
    }

    /// <summary>A folder's files as the golden lists have them: digest, size, name.</summary>
    private static IEnumerable<string> List(string folder) => Directory.EnumerateFiles(folder)
        .OrderBy(file => Path.GetFileName(file), StringComparer.Ordinal)
        .Select(file => $"{Digest.Of(File.ReadAllBytes(file))}  {new FileInfo(file).Length}  {Path.GetFileName(file)}");
}
