using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Chat;

/// <summary><c>layercake chat turbomind</c>: what is wrong with a command line is told before a model is read.</summary>
public sealed class ChatArgumentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase(ExitCode.Input, "there is no such folder", "internlm/internlm-chat-7b")]
    [TestCase(ExitCode.Usage, "'model_path' is missing")]
    [TestCase(ExitCode.Usage, "--model_name internlm-chat-7b", "MODEL")]
    [TestCase(ExitCode.Usage, "did you mean 'internlm-chat-7b'?", "MODEL", "--model-name", "internlm-chat7b")]
    [TestCase(ExitCode.Usage, "did you mean 'completion'?", "MODEL", "1", "completions", "--model_name=llama2")]
    [TestCase(ExitCode.Usage, "llama2 has no capability infilling", "MODEL", "--cap", "infilling", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "--tp takes a power of two", "MODEL", "--tp", "3", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "top_p is 2; it must be 0 to 1", "MODEL", "--top_p", "2", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "--temperature takes a number, not 'warm'", "MODEL", "--temperature", "warm", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "--request_output_len takes a whole number from 1 on", "MODEL", "--request-output-len", "0", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "--stop_words takes one text or a list", "MODEL", "--stop_words", "['a", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "llama2 has no meta_instruction", "MODEL", "--meta_instruction", "x", "--model_name", "llama2")]
    [TestCase(ExitCode.Usage, "did you mean '--temperature'?", "MODEL", "--temprature", "1")]
    public void A_wrong_argument_is_refused(ExitCode code, string message, params string[] arguments) => LayerCakeCommand
        .Run(_folder.Path, ["chat", "turbomind", .. arguments.Select(argument => argument == "MODEL" ? RepositoryFiles.DemoModel : argument)])
        .WasRefusedWith(code, Does.StartWith("layercake: ").And.Contain(message));

    [Test]
    public void A_workspace_of_an_unknown_template_is_refused_with_the_nearest_name()
    {
        Directory.CreateDirectory(_folder.At("workspace", "triton_models", "weights"));
        File.WriteAllText(
            _folder.At("workspace", "triton_models", "weights", "config.ini"),
            File.ReadAllText(Directory.EnumerateFiles(RepositoryFiles.Golden("internlm"), "config.ini", SearchOption.AllDirectories).Order().First())
                .Replace("internlm-chat-7b", "internlm-chat-7c", StringComparison.Ordinal));

        LayerCakeCommand.Run(_folder.Path, "chat", "turbomind", "workspace").WasRefusedWith(ExitCode.Input, Does.Contain("did you mean 'internlm-chat-7b'?"));
    }
}
