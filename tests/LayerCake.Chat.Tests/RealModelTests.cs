using System.Diagnostics;
using LayerCake.Runtime;
using LayerCake.Testing;
using Microsoft.Extensions.AI;

namespace LayerCake.Chat.Tests;

/// <summary>The chat client and the samples with the demo model.</summary>
[TestFixture]
internal sealed class RealModelTests
{
    private static readonly ChatOptions Greedy = new() { TopK = 1, MaxOutputTokens = 16 };

    private TurboMindModel _model = null!;

    [OneTimeSetUp]
    public void Load() => _model = TurboMindModel.Load(RepositoryFiles.DemoModel, new RuntimeOptions { ModelName = "internlm-chat-7b", Device = RuntimeDevice.Cpu });

    [OneTimeTearDown]
    public void Unload() => _model.Dispose();

    [Test]
    public async Task Calls_at_once_get_the_answers_that_they_get_alone()
    {
        using var client = new TurboMindChatClient(_model);
        string[] questions = ["Tell me a story.", "Who is the king?", "Where did the fox go, and why did it go there?", "书?"];
        List<string> alone = [];
        foreach (var question in questions)
        {
            alone.Add((await client.GetResponseAsync(question, Greedy)).Text);
        }

        var together = await Task.WhenAll(questions.Select(question => client.GetResponseAsync(question, Greedy)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(together.Select(response => response.Text), Is.EqualTo(alone));
            Assert.That(alone.Distinct().Count(), Is.GreaterThan(1));
            Assert.That(alone, Has.None.Empty);
        }
    }

    [Test]
    public async Task A_stop_sequence_in_the_middle_of_an_answer_ends_it_there()
    {
        using var client = new TurboMindChatClient(_model);
        var whole = (await client.GetResponseAsync("Tell me a story.", Greedy)).Text;
        var stop = whole[(whole.Length / 2)..(whole.Length / 2 + 3)];
        var options = Greedy.Clone();
        options.StopSequences = [stop];

        var response = await client.GetResponseAsync("Tell me a story.", options);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.Text, Is.EqualTo(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]));
            Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        }
    }

    [Test]
    public async Task The_same_seed_gives_the_same_answer()
    {
        using var client = new TurboMindChatClient(_model);
        var options = new ChatOptions { Temperature = 2, TopK = 0, TopP = 1, MaxOutputTokens = 16, Seed = 3 };

        var answers = new[] { await client.GetResponseAsync("Well?", options), await client.GetResponseAsync("Well?", options) };

        Assert.That(answers[1].Text, Is.EqualTo(answers[0].Text));
    }

    [Test]
    public async Task A_cancelled_call_leaves_the_model_as_it_was()
    {
        using var client = new TurboMindChatClient(_model);
        var before = (await client.GetResponseAsync("Well?", Greedy)).Text;
        using var cancellation = new CancellationTokenSource();
        var stream = client.GetStreamingResponseAsync("Tell me a story.", new ChatOptions { TopK = 1, MaxOutputTokens = 1500 }, cancellation.Token);

        Assert.That(
            async () =>
            {
                await foreach (var update in stream)
                {
                    await cancellation.CancelAsync();
                }
            },
            Throws.InstanceOf<OperationCanceledException>());

        Assert.That((_model.Memory.CacheBlocksInUse, _model.Memory.ActiveRequests), Is.EqualTo((0, 0)), "the memory is back");
        Assert.That((await client.GetResponseAsync("Well?", Greedy)).Text, Is.EqualTo(before));
    }

    /// <summary>What the terminal does after Ctrl+C.</summary>
    [Test]
    public async Task What_was_said_can_be_put_into_a_history()
    {
        int[] said = _model.PromptEncoder.Encode(_model.ChatTemplate.Render("Tell me a story."), isFirstTurn: true);
        int[] next = _model.PromptEncoder.Encode(_model.ChatTemplate.Render("And then?", isFirstTurn: false), isFirstTurn: false);
        using var one = _model.CreateSession();
        using var other = _model.CreateSession();

        var added = await TokensAsync(one, said, length: 0);
        var step = one.Step;

        Assert.That((added.Count, step), Is.EqualTo((0, said.Length)));
        Assert.That(await TokensAsync(one, next, length: 12), Is.EqualTo(await TokensAsync(other, [.. said, .. next], length: 12)).And.Not.Empty);

        static async Task<List<int>> TokensAsync(Session session, int[] ids, int length)
        {
            List<int> tokens = [];
            await foreach (var token in session.GenerateAsync(ids, GenerationOptions.Greedy with { RequestOutputLength = length }))
            {
                tokens.Add(token.Id);
            }

            return tokens;
        }
    }

    [Test]
    public void A_prompt_longer_than_a_session_is_refused()
    {
        using var client = new TurboMindChatClient(_model);

        Assert.That(
            () => client.GetResponseAsync(string.Concat(Enumerable.Repeat("long ", 4000)), Greedy), Throws.TypeOf<RuntimeException>());
    }

    [Test]
    public void The_model_is_one_of_the_services()
    {
        using var client = new TurboMindChatClient(_model);

        Assert.That(client.GetService<TurboMindModel>(), Is.SameAs(_model));
    }

    [TestCase("generate-sample", 2, "Tell me a story.", "And then?")]
    [TestCase("chat-client-sample", 2, "Tell me a story.", "Who is the king?")]
    public void A_sample_answers_what_it_is_asked(string sample, int answers, params string[] prompts)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, sample), [RepositoryFiles.DemoModel, .. prompts])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(process.ExitCode, Is.Zero, error.Result);
            Assert.That(prompts.All(prompt => output.Contains($"> {prompt}\n", StringComparison.Ordinal)), Is.True, output);
            Assert.That(output.Split(" tokens, "), Has.Length.EqualTo(answers + 1), output);
        }
    }
}
