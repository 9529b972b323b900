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

        Assert.That((await client.GetResponseAsync("Well?", Greedy)).Text, Is.EqualTo(before));
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
