using LayerCake.Runtime;
using LayerCake.Text.Chat;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace LayerCake.Chat.Tests;

[TestFixture]
internal sealed class TurboMindChatClientTests
{
    private static readonly ChatMessage[] Conversation =
    [
        new(ChatRole.System, "Be brief."), new(ChatRole.User, "One?"), new(ChatRole.Assistant, "One."), new(ChatRole.User, "Two?"),
    ];

    [Test]
    public async Task A_conversation_is_rendered_as_the_template_does_and_the_response_says_what_it_cost()
    {
        var model = new ScriptedModel("internlm-chat-7b", "Two.<eoa>");
        using var client = new TurboMindChatClient(model, template: null);

        var response = await client.GetResponseAsync(Conversation);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.Text, Is.EqualTo("Two."));
            Assert.That(response.Messages.Single().Role, Is.EqualTo(ChatRole.Assistant));
            Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
            Assert.That(response.ModelId, Is.EqualTo("internlm-chat-7b"));
            Assert.That(response.ResponseId, Is.Not.Empty);
            var expected = model.Template.Render([new("system", "Be brief."), new("user", "One?"), new("assistant", "One."), new("user", "Two?")]);
            Assert.That(model.Calls.Single().Text, Is.EqualTo("<s>" + expected));
            var (input, output) = (model.Calls.Single().Ids.Count, ScriptedModel.Ids("Two.<eoa>").Length);
            Assert.That(
                (response.Usage?.InputTokenCount, response.Usage?.OutputTokenCount, response.Usage?.TotalTokenCount),
                Is.EqualTo(((long?)input, (long?)output, (long?)input + output)));
            Assert.That(model.OpenSessions, Is.Zero);
        }
    }

    [Test]
    public async Task Streamed_updates_join_to_the_response_and_the_last_has_reason_and_usage()
    {
        const string Text = "A 书 and a 🦙 went out.";
        using var client = new TurboMindChatClient(new ScriptedModel("internlm-chat-7b", Text), template: null);
        List<ChatResponseUpdate> updates = [];

        await foreach (var update in client.GetStreamingResponseAsync(Conversation))
        {
            updates.Add(update);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(string.Concat(updates.Select(update => update.Text)), Is.EqualTo(Text));
            Assert.That(updates, Has.Count.GreaterThan(4));
            Assert.That(updates.Select(update => update.Text), Has.None.Contains("\uFFFD"));
            Assert.That(updates[..^1].Select(update => update.FinishReason), Is.All.Null);
            Assert.That(updates[^1].FinishReason, Is.EqualTo(ChatFinishReason.Stop));
            Assert.That(updates[^1].Contents.Single(), Is.TypeOf<UsageContent>());
            Assert.That(updates.Select(update => update.ResponseId).Distinct().Count(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task Options_reach_the_engine_and_the_rest_is_the_templates()
    {
        var model = new ScriptedModel("qwen-7b", "A B C D E F G H");
        using var client = new TurboMindChatClient(model, template: null);

        var response = await client.GetResponseAsync(Conversation, new ChatOptions
        {
            Temperature = 0.5f,
            TopK = 3,
            MaxOutputTokens = 4,
            Seed = -1,
            AdditionalProperties = new() { ["repetition_penalty"] = 1.25 },
        });

        using (Assert.EnterMultipleScope())
        {
            var options = model.Calls.Single().Options;
            Assert.That(
                (options.Temperature, options.TopK, options.TopP, options.RequestOutputLength, options.RandomSeed, options.RepetitionPenalty),
                Is.EqualTo((0.5f, 3, 0.5f, 4, (ulong?)ulong.MaxValue, 1.25f)));
            Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Length));
            Assert.That(response.Usage?.OutputTokenCount, Is.EqualTo(4));
        }
    }

    [Test]
    public async Task A_stop_sequence_over_several_tokens_ends_the_answer_and_is_left_out()
    {
        var model = new ScriptedModel("internlm-chat-7b", "Once upon a midnight dreary");
        using var client = new TurboMindChatClient(model, template: null);

        var response = await client.GetResponseAsync(Conversation, new ChatOptions { StopSequences = ["xyz", "on a mid"] });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.Text, Is.EqualTo("Once up"));
            Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
            Assert.That(model.OpenSessions, Is.Zero);
        }
    }

    [Test]
    public async Task Instructions_are_a_system_message()
    {
        var model = new ScriptedModel("llama2", "Yes.");
        using var client = new TurboMindChatClient(model, template: null);

        await client.GetResponseAsync("Well?", new ChatOptions { Instructions = "Be brief." });

        Assert.That(model.Calls.Single().Text, Is.EqualTo("<s>" + model.Template.Render([new("system", "Be brief."), new("user", "Well?")])));
    }

    [Test]
    public async Task A_base_model_takes_one_question_and_no_conversation()
    {
        var model = new ScriptedModel("internlm", "Yes.");
        using var client = new TurboMindChatClient(model, template: null);

        var response = await client.GetResponseAsync("Well?");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.Text, Is.EqualTo("Yes."));
            Assert.That(model.Calls.Single().Text, Is.EqualTo("<s>Well?"));
            Assert.That(() => client.GetResponseAsync(Conversation), Throws.TypeOf<ChatTemplateException>().With.Message.Contains("internlm"));
        }
    }

    [Test]
    public void What_the_engine_cannot_do_is_refused_before_anything_runs()
    {
        var model = new ScriptedModel("internlm-chat-7b");
        using var client = new TurboMindChatClient(model, template: null);
        var image = new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => client.GetResponseAsync([image]), Throws.TypeOf<NotSupportedException>().With.Message.Contains("DataContent"));
            Assert.That(() => client.GetResponseAsync([new(ChatRole.Tool, "x")]), Throws.TypeOf<ChatTemplateException>().With.Message.Contains("'tool'"));
            Assert.That(() => client.GetResponseAsync([]), Throws.TypeOf<ChatTemplateException>());
            Assert.That(() => Ask(new ChatOptions { ModelId = "other" }), Throws.TypeOf<NotSupportedException>().With.Message.Contains("'other'"));
            Assert.That(() => Ask(new ChatOptions { ConversationId = "1" }), Throws.TypeOf<NotSupportedException>());
            Assert.That(() => Ask(new ChatOptions { ResponseFormat = ChatResponseFormat.Json }), Throws.TypeOf<NotSupportedException>());
            Assert.That(() => Ask(new ChatOptions { ToolMode = ChatToolMode.RequireAny }), Throws.TypeOf<NotSupportedException>());
            Assert.That(() => Ask(new ChatOptions { StopSequences = [""] }), Throws.TypeOf<NotSupportedException>());
            Assert.That(model.Calls, Is.Empty);
            Assert.That(model.OpenSessions, Is.Zero);
        }

        Task<ChatResponse> Ask(ChatOptions options) => client.GetResponseAsync(Conversation, options);
    }

    [Test]
    public void A_cancelled_answer_throws_and_frees_its_session()
    {
        using var cancellation = new CancellationTokenSource();
        var model = new ScriptedModel("internlm-chat-7b", "One two three four")
        {
            BeforeToken = number =>
            {
                if (number == 2)
                {
                    cancellation.Cancel();
                }
            },
        };
        using var client = new TurboMindChatClient(model, template: null);

        Assert.That(() => client.GetResponseAsync(Conversation, cancellationToken: cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(model.OpenSessions, Is.Zero);
    }

    [Test]
    public void Services_are_what_the_client_is_made_of()
    {
        using var client = new TurboMindChatClient(new ScriptedModel("internlm-chat-7b"), template: null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(client.GetService<ChatClientMetadata>()?.DefaultModelId, Is.EqualTo("internlm-chat-7b"));
            Assert.That(client.GetService<ChatTemplate>()?.Name, Is.EqualTo("internlm-chat-7b"));
            Assert.That(client.GetService<IChatClient>(), Is.SameAs(client));
            Assert.That(client.GetService<TurboMindModel>(), Is.Null, "there is none behind the script");
            Assert.That(client.GetService(typeof(ChatTemplate), "key"), Is.Null);
        }
    }
}
