using System.Text;
using LayerCake.Chat.Terminal;
using LayerCake.Text.Chat;

namespace LayerCake.Chat.Tests;

[TestFixture]
internal sealed class TerminalChatTests
{
    private const string Invitation = "\ndouble enter to end input >>> ";

    [Test]
    public async Task A_second_turn_goes_on_where_the_first_ended()
    {
        var model = new ScriptedModel("internlm-chat-7b", "One.<eoa>", "Two.<eoa>");

        var chat = await RunAsync(model, "first\nquestion\n\nsecond\n\nexit\n");

        using (Assert.EnterMultipleScope())
        {
            var (first, second) = (Rendered(model, "first\nquestion", true), Rendered(model, "second", false));
            Assert.That(chat.Output, Is.EqualTo($"session 1\n{Invitation}{first} One.\n{Invitation}{second} Two.\n{Invitation}"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Ended));
            Assert.That(model.Calls.Select(call => call.Text), Is.EqualTo(new[] { "<s>" + first, second }), "BOS begins the session, and only that");
            Assert.That(model.Calls[1].Step, Is.EqualTo(model.Calls[0].Ids.Count + ScriptedModel.Ids("One.<eoa>").Length), "the stop word stays");
            Assert.That(model.Calls[0].Options.RandomSeed, Is.Not.Null);
            Assert.That(model.Calls[1].Options.RandomSeed, Is.Null, "the random numbers go on");
            Assert.That(model.OpenSessions, Is.Zero);
        }
    }

    [Test]
    public async Task End_begins_a_new_session_and_the_given_seed_holds_for_each()
    {
        var model = new ScriptedModel("internlm-chat-7b", "One.", "Two.");

        await RunAsync(model, "a\n\nend\n\nb\n\n", options => options with { Seed = 7, SessionId = 3 });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Calls.Select(call => call.Step), Is.EqualTo(new[] { 0, 0 }));
            Assert.That(model.Calls[1].Text, Is.EqualTo("<s>" + Rendered(model, "b", true)));
            Assert.That(model.Calls.Select(call => call.Options.RandomSeed), Is.EqualTo(new ulong?[] { 7, 7 }));
        }
    }

    [Test]
    public async Task Sessions_draw_different_seeds()
    {
        var model = new ScriptedModel("internlm-chat-7b", "One.", "Two.");

        await RunAsync(model, "a\n\nend\n\nb\n\n");

        Assert.That(model.Calls[0].Options.RandomSeed, Is.Not.EqualTo(model.Calls[1].Options.RandomSeed));
    }

    [Test]
    public async Task An_input_that_ends_within_a_prompt_ends_the_prompt()
    {
        var model = new ScriptedModel("internlm-chat-7b", "One.");

        var chat = await RunAsync(model, "a\r\nb");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.EndWith($"{Rendered(model, "a\nb", true)} One.\n{Invitation}\n"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Ended));
        }
    }

    [Test]
    public async Task Sampling_is_the_templates_with_what_was_set_of_it()
    {
        var model = new ScriptedModel("qwen-7b", "One.");

        await RunAsync(model, "a\n\n", options => options with
        {
            RequestOutputLength = 5,
            Template = options.Template.With(new ChatTemplateSettings { TopK = 1, RepetitionPenalty = 1.5f }),
        });

        var options = model.Calls[0].Options;
        Assert.That((options.TopK, options.TopP, options.Temperature, options.RepetitionPenalty, options.RequestOutputLength), Is.EqualTo((1, 0.5f, 1f, 1.5f, 5)));
    }

    [Test]
    public async Task A_prompt_that_does_not_fit_is_refused_and_the_session_goes_on()
    {
        var model = new ScriptedModel("internlm", "One.") { SessionLength = 40 };

        var chat = await RunAsync(model, string.Concat(Enumerable.Repeat("long ", 40)) + "\n\nshort\n\n", options => options with { RequestOutputLength = 20 });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.StartWith($"session 1\n{Invitation}WARNING: exceed session max length. Please end the session.\n{Invitation}short One.\n"));
            Assert.That(chat.Error, Does.Contain("fewer than 40").And.Contain("--request_output_len"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Refused));
            Assert.That(model.Calls, Has.Count.EqualTo(1));
        }
    }

    [TestCase(16, true)]
    [TestCase(15, false)]
    public async Task A_session_may_be_filled_to_one_token_less_than_its_length(int requestOutputLength, bool refused)
    {
        var model = new ScriptedModel("internlm", "One.") { SessionLength = 20 };
        var prompt = ScriptedModel.Ids("a b c").Length + 1;
        Assert.That(prompt, Is.EqualTo(4), "with BOS");

        var chat = await RunAsync(model, "a b c\n\n", options => options with { RequestOutputLength = requestOutputLength });

        Assert.That(chat.End, Is.EqualTo(refused ? TerminalChatEnd.Refused : TerminalChatEnd.Ended));
    }

    [Test]
    public async Task An_empty_prompt_is_not_sent()
    {
        var model = new ScriptedModel("internlm-chat-7b");

        var chat = await RunAsync(model, "\nexit\n\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Error, Does.StartWith("The prompt is empty."));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Ended));
            Assert.That(model.Calls, Is.Empty);
        }
    }

    [Test]
    public async Task A_prompt_that_is_not_UTF_8_is_refused_by_line_and_the_next_is_answered()
    {
        var model = new ScriptedModel("internlm", "One.");

        var chat = await RunAsync(model, [.. "ok\nbad "u8, 0xE4, 0xB9, (byte)'\n', .. "rest\n\nnext\n\n"u8]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Error, Is.EqualTo("line 2 of the input is not UTF-8; the prompt was not sent.\n"));
            Assert.That(model.Calls.Single().Text, Is.EqualTo("<s>next"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Refused));
        }
    }

    [Test]
    public async Task CodeLlama_takes_empty_lines_and_ends_prompts_with_two_exclamation_marks()
    {
        var model = new ScriptedModel("codellama", "One.");

        var chat = await RunAsync(model, "a\n\nb\n!!\nexit\n!!\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.StartWith("session 1\n\nenter !! to end the input >>>\n" + Rendered(model, "a\n\nb", true) + " One.\n"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Ended));
        }
    }

    [Test]
    public async Task An_infilling_prompt_without_a_gap_is_refused()
    {
        var model = new ScriptedModel("codellama");

        var chat = await RunAsync(
            model, "a\n!!\n", options => options with { Template = options.Template.With(new ChatTemplateSettings { Capability = ChatCapability.Infilling }) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Error, Does.Contain("<FILL>"));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Refused));
        }
    }

    [Test]
    public async Task Without_a_conversation_every_prompt_stands_alone()
    {
        var model = new ScriptedModel("internlm-chat-7b", "One.", "Two.");

        await RunAsync(
            model, "a\n\nb\n\n", options => options with { Template = options.Template.With(new ChatTemplateSettings { Capability = ChatCapability.Completion }) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Calls.Select(call => (call.Step, call.Text)), Is.EqualTo(new[] { (0, "<s>a"), (0, "<s>b") }));
            Assert.That(model.Calls.Select(call => call.Options.RandomSeed), Has.None.Null);
        }
    }

    [Test]
    public async Task A_stop_word_of_several_tokens_ends_the_answer_however_it_is_cut_and_what_was_said_is_kept()
    {
        var model = new ScriptedModel("internlm", "One. Human: no", "Two.");

        var chat = await RunAsync(
            model, "a\n\nb\n\n", options => options with { Template = options.Template.With(new ChatTemplateSettings { StopWords = ["Human:"] }) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.Contain(" One. \n").And.Not.Contain("Human"));
            Assert.That(model.Calls[1].Options.RequestOutputLength, Is.Zero, "the answer is put into the history");
            Assert.That(model.Calls[1].Text, Does.StartWith("<s>aOne. H").Or.StartWith("<s>a One. H"));
            Assert.That(model.Calls[2].Step, Is.EqualTo(model.Calls[1].Ids.Count));
        }
    }

    [Test]
    public async Task Ctrl_C_ends_the_answer_keeps_what_was_said_and_asks_again()
    {
        var interrupts = new ChatInterrupts();
        var model = new ScriptedModel("internlm", "One two three four five", "Six.");
        model.BeforeToken = number =>
        {
            if (number == 2 && model.Calls.Count == 1)
            {
                interrupts.Interrupt();
            }
        };

        var chat = await RunAsync(model, "a\n\nb\n\n", interrupts: interrupts);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.StartWith($"session 1\n{Invitation}a One two\n{Invitation}b Six.\n"));
            Assert.That(model.Calls[1].Ids, Is.EqualTo((int[])[.. model.Calls[0].Ids, .. ScriptedModel.Ids("One two")]));
            Assert.That(model.Calls[2].Step, Is.EqualTo(model.Calls[1].Ids.Count));
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Ended));
        }
    }

    [Test]
    public async Task A_second_Ctrl_C_ends_the_conversation()
    {
        var interrupts = new ChatInterrupts();
        var model = new ScriptedModel("internlm", "One two three")
        {
            BeforeToken = number =>
            {
                if (number == 1)
                {
                    interrupts.Interrupt();
                    interrupts.Interrupt();
                }
            },
        };

        var chat = await RunAsync(model, "a\n\nb\n\n", interrupts: interrupts);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.End, Is.EqualTo(TerminalChatEnd.Interrupted));
            Assert.That(chat.Output, Does.Contain("a One"));
            Assert.That(model.OpenSessions, Is.Zero);
        }
    }

    [Test]
    public async Task Ctrl_C_while_a_prompt_is_awaited_ends_the_conversation()
    {
        var interrupts = new ChatInterrupts();
        using var input = new NeverReadableStream();
        using var output = new StringWriter { NewLine = "\n" };
        var model = new ScriptedModel("internlm");
        var running = new TerminalChat(model, new TerminalChatOptions { Template = model.Template }, input, output, output).RunAsync(interrupts);
        await input.IsRead;

        interrupts.Interrupt();

        Assert.That(await running, Is.EqualTo(TerminalChatEnd.Interrupted));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Characters_of_several_tokens_are_shown_whole(bool streamed)
    {
        const string Text = "书生·浦语 🦙 é e\u0301 👩‍👩‍👧";
        Assert.That(ScriptedModel.Ids(Text), Has.Length.GreaterThan(Text.EnumerateRunes().Count() + 10), "the model has these as bytes");
        var model = new ScriptedModel("internlm", Text);

        var chat = await RunAsync(model, "a\n\n", options => options with { StreamOutput = streamed });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output, Does.Contain($"a {Text}\n"));
            Assert.That(chat.Writes, Has.None.Contains("\uFFFD"));
            Assert.That(chat.Writes.Where(write => write.Length > 0).All(write => !char.IsLowSurrogate(write[0])), Is.True);
            Assert.That(chat.Writes.Contains(Text), Is.EqualTo(!streamed));
        }
    }

    [Test]
    public async Task A_terminal_is_not_given_control_characters()
    {
        var answer = "a\u001b[2Jb\tc\nd\u0007\u009b";

        var terminal = await RunAsync(new ScriptedModel("internlm", answer), "a\n\n", options => options with { IsTerminal = true });
        var pipe = await RunAsync(new ScriptedModel("internlm", answer), "a\n\n");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(terminal.Output, Does.Contain("a\u241B[2Jb\tc\nd\u2407\uFFFD\n"));
            Assert.That(pipe.Output, Does.Contain(answer));
        }
    }

    private static string Rendered(ScriptedModel model, string prompt, bool isFirst) => model.Template.Render(prompt, isFirst);

    private static Task<Conversation> RunAsync(
        ScriptedModel model, string input, Func<TerminalChatOptions, TerminalChatOptions>? set = null, ChatInterrupts? interrupts = null) =>
        RunAsync(model, Encoding.UTF8.GetBytes(input), set, interrupts);

    private static async Task<Conversation> RunAsync(
        ScriptedModel model, byte[] input, Func<TerminalChatOptions, TerminalChatOptions>? set = null, ChatInterrupts? interrupts = null)
    {
        var options = new TerminalChatOptions { Template = model.Template };
        await using var output = new RecordingWriter();
        await using var error = new RecordingWriter();
        using var stream = new MemoryStream(input);
        var end = await new TerminalChat(model, set?.Invoke(options) ?? options, stream, output, error).RunAsync(interrupts ?? new ChatInterrupts());
        return new Conversation(end, string.Concat(output.Writes), string.Concat(error.Writes), output.Writes);
    }

    private sealed record Conversation(TerminalChatEnd End, string Output, string Error, IReadOnlyList<string> Writes);

    private sealed class RecordingWriter : StringWriter
    {
        public RecordingWriter() => NewLine = "\n";

        public List<string> Writes { get; } = [];

        public override void Write(string? value) => Writes.Add(value ?? "");

        public override void WriteLine() => Writes.Add("\n");

        public override void WriteLine(string? value) => Writes.Add(value + "\n");
    }

    /// <summary>A terminal at which nobody types.</summary>
    private sealed class NeverReadableStream : MemoryStream
    {
        private readonly TaskCompletionSource _isRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _closed = new();

        public Task IsRead => _isRead.Task;

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            _isRead.SetResult();
            _closed.Wait();
            return 0;
        }

        protected override void Dispose(bool disposing)
        {
            _closed.Set();
            base.Dispose(disposing);
        }
    }
}
