using System.Collections.Immutable;
using LayerCake.Runtime;
using LayerCake.Testing;
using LayerCake.Text.Chat;

namespace LayerCake.Cli.Tests.Chat;

/// <summary><c>layercake chat turbomind</c> with the demo's workspace, on a real terminal and in a pipe.</summary>
public sealed class ChatTerminalTests : IDisposable
{
    private const string Invitation = "\ndouble enter to end input >>> ";
    private const string First = "Tell me a story about a 🦊.";
    private const string Second = "And then?";
    private const int Length = 24;

    // Much more than anybody waits for, so that an answer is still being given when Ctrl+C comes.
    private static readonly string[] Endless = ["--cap", "completion", "--session_len", "200000", "--request_output_len", "190000", "--top_k", "1"];

    private readonly TemporaryFolder _folder = new();

    private static string[] Greedy => ["chat", "turbomind", UndisturbedBuild.PackageFolder, "--top_k", "1", "--request_output_len", $"{Length}"];

    public void Dispose() => _folder.Dispose();

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_terminal_holds_a_conversation_of_two_turns(bool color)
    {
        var (first, second) = await ConversationAsync();
        using var terminal = new PseudoTerminal(_folder.Path, Greedy, new Dictionary<string, string> { ["NO_COLOR"] = color ? "" : "1" });

        var start = await terminal.SeeAsync($"session 1\n{Invitation}");
        terminal.Type($"{First}\n\n");
        var end = await terminal.SeeAsync(Invitation, start);
        terminal.Type($"{Second}\n\n");
        await terminal.SeeAsync(Invitation, end);
        terminal.Type("exit\n\n");
        var code = await terminal.EndAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(ExitCode.Success), terminal.Screen);
            Assert.That(
                terminal.Screen[start..], Is.EqualTo($"{First}\n\n{first}\n{Invitation}{Second}\n\n{second}\n{Invitation}exit\n\n"), "typed lines appear as well");
            Assert.That(terminal.Screen[..start].Contains("loading ", StringComparison.Ordinal), Is.EqualTo(color), "what moves on the screen, NO_COLOR leaves out");
        }
    }

    [Test]
    public async Task A_pipe_holds_the_same_conversation_and_end_forgets_it()
    {
        var (first, second) = await ConversationAsync();

        var result = LayerCakeCommand.Run(_folder.Path, Greedy, $"{First}\n\n{Second}\n\nend\n\n{First}").Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Output, Is.EqualTo($"session 1\n{Invitation}{first}\n{Invitation}{second}\n{Invitation}{Invitation}{first}\n{Invitation}\n"));
            Assert.That(result.Error, Is.Empty);
        }
    }

    [Test]
    public async Task Ctrl_C_ends_an_answer_and_a_second_one_the_conversation()
    {
        using var terminal = new PseudoTerminal(
            _folder.Path, ["chat", "turbomind", UndisturbedBuild.PackageFolder, .. Endless], new Dictionary<string, string> { ["NO_COLOR"] = "1" });
        var place = await terminal.SeeAsync(Invitation);
        foreach (var prompt in new[] { "Once upon a time", "There was a king" })
        {
            terminal.Type($"{prompt}\n\n");
            place = await terminal.SeeAsync($"\n\n{prompt} ", place);
            terminal.Type($"{PseudoTerminal.CtrlC}");
            place = await terminal.SeeAsync(Invitation, place);
        }

        terminal.Type($"{PseudoTerminal.CtrlC}");

        Assert.That(await terminal.EndAsync(), Is.EqualTo(ExitCode.Interrupted), terminal.Screen);
    }

    [Test]
    public async Task The_end_of_a_terminals_input_ends_the_conversation()
    {
        using var terminal = new PseudoTerminal(_folder.Path, Greedy, new Dictionary<string, string> { ["NO_COLOR"] = "1" });
        await terminal.SeeAsync(Invitation);

        terminal.Type($"{PseudoTerminal.CtrlD}");

        Assert.That(await terminal.EndAsync(), Is.EqualTo(ExitCode.Success), terminal.Screen);
    }

    [Test]
    public void A_signal_ends_an_answer_and_the_conversation()
    {
        using var process = LayerCakeCommand.Start(_folder.Path, ["chat", "turbomind", UndisturbedBuild.PackageFolder, .. Endless]);
        process.StandardInput.Write("Once upon a time\n\nThere was a king\n\n");
        process.StandardInput.Flush();
        while (process.StandardOutput.ReadLine() is { } line && !line.Contains("Once upon a time", StringComparison.Ordinal))
        {
        }

        LayerCakeCommand.Signal(process, LayerCakeCommand.Terminate);

        Assert.That((ExitCode)LayerCakeCommand.End(process).ExitCode, Is.EqualTo(ExitCode.Interrupted));
    }

    [Test]
    public void The_same_seed_gives_the_same_answers_and_another_one_others()
    {
        var sampled = new[] { "chat", "turbomind", UndisturbedBuild.PackageFolder, "--temperature", "2", "--top_p", "1", "--top_k", "0", "--request_output_len", "32" };

        var outputs = new[] { "5", "5", "6" }.Select(seed => LayerCakeCommand.Run(_folder.Path, [.. sampled, "--seed", seed], $"{First}\n\n{Second}\n\n").Succeeded().Output).ToList();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(outputs[1], Is.EqualTo(outputs[0]));
            Assert.That(outputs[2], Is.Not.EqualTo(outputs[0]));
        }
    }

    [Test]
    public void A_prompt_that_cannot_be_answered_is_told_and_the_next_one_is_answered()
    {
        var result = LayerCakeCommand.Run(
            _folder.Path, [.. Greedy, "--session_len", "256"], $"{string.Concat(Enumerable.Repeat("long ", 300))}\n\n\nexit\n\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((ExitCode)result.ExitCode, Is.EqualTo(ExitCode.Input));
            Assert.That(result.Output, Does.Contain("WARNING: exceed session max length. Please end the session.\n"));
            Assert.That(result.Error, Does.Contain("fewer than 256").And.Contain("The prompt is empty."));
        }
    }

    [Test]
    public void A_models_folder_is_talked_with_as_well() => Assert.That(
        TalkWithFolder("--model_format", "hf", "--top_k", "1", "--request_output_len", "8").Succeeded().Output, Does.StartWith($"session 1\n{Invitation}<|System|>:"));

    [Test]
    public void A_models_folder_has_no_scales_for_int8_keys_and_values() =>
        TalkWithFolder("--quant_policy", "4").WasRefusedWith(ExitCode.Input, Does.StartWith("layercake: ").And.Contain("kv_qparams"));

    [TestCase("--model_format", "awq")]
    [TestCase("--model_format", "gguf")]
    public void A_models_folder_that_does_not_hold_what_was_said_is_refused(params string[] arguments) =>
        TalkWithFolder(arguments).WasRefusedWith(ExitCode.Usage, Does.StartWith("layercake: --model_format "));

    [Test]
    public void The_weights_folder_of_a_workspace_is_taken_for_it()
    {
        var weights = Path.Combine(UndisturbedBuild.PackageFolder, "triton_models", "weights");

        var result = LayerCakeCommand.Run(_folder.Path, ["chat", "turbomind", weights, "--top_k", "1", "--request_output_len", "4"], $"{First}\n\n").Succeeded();

        Assert.That(result.Output, Does.StartWith($"session 1\n{Invitation}<|System|>:"));
    }

    private CommandResult TalkWithFolder(params string[] arguments) => LayerCakeCommand.Run(
        _folder.Path, ["chat", "turbomind", RepositoryFiles.DemoModel, "--model_name", "internlm-chat-7b", .. arguments], $"{First}\n\n");

    /// <summary>Both turns as they are shown, from the engine itself. The second depends on the first.</summary>
    private static async Task<(string First, string Second)> ConversationAsync()
    {
        using var model = TurboMindModel.Load(UndisturbedBuild.PackageFolder);
        using var session = model.CreateSession();
        var first = await TurnAsync(model, session, First);
        var second = await TurnAsync(model, session, Second);
        using var other = model.CreateSession();
        Assert.That((await TurnAsync(model, other, Second)).Split("<|Bot|>:")[1], Is.Not.EqualTo(second.Split("<|Bot|>:")[1]), "without the first turn the answer is another");
        return (first, second);
    }

    private static async Task<string> TurnAsync(TurboMindModel model, Session session, string prompt)
    {
        var isFirst = session.Step == 0;
        var rendered = model.ChatTemplate.Render(prompt, isFirst);
        var options = GenerationOptions.Greedy with
        {
            Temperature = model.ChatTemplate.Sampling.Temperature,
            RequestOutputLength = Length,
            StopWords = [.. model.ChatTemplate.StopWords.Select(word => model.PromptEncoder.EncodeStopWord(word).ToImmutableArray())],
        };
        var detokenizer = new StreamingDetokenizer(model.Tokenizer);
        var text = "";
        await foreach (var token in session.GenerateAsync(model.PromptEncoder.Encode(rendered, isFirst), options))
        {
            text += detokenizer.Append(token.Id);
        }

        return $"{rendered} {text}{detokenizer.Complete()}";
    }
}
