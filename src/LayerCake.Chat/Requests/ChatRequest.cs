using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using LayerCake.Chat.Sessions;
using LayerCake.Runtime;
using LayerCake.Text.Chat;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using TemplateMessage = LayerCake.Text.Chat.ChatMessage;

namespace LayerCake.Chat.Requests;

/// <summary>A call of a chat client as the engine takes it.</summary>
/// <param name="Ids">The encoded prompt.</param>
/// <param name="Options">Sampling and limits; what the caller leaves open is the template's.</param>
/// <param name="StopSequences">Texts that end the answer: the caller's and the template's.</param>
internal sealed record ChatRequest(int[] Ids, GenerationOptions Options, ImmutableArray<string> StopSequences)
{
    /// <summary>The key of <see cref="ChatOptions.AdditionalProperties"/> for what ChatOptions has no member for.</summary>
    internal const string RepetitionPenalty = "repetition_penalty";

    /// <exception cref="NotSupportedException">A message or an option asks for what the engine cannot do.</exception>
    /// <exception cref="ChatTemplateException">A role is unknown, or the template has no form for conversations.</exception>
    public static ChatRequest Of(IEnumerable<ChatMessage> messages, ChatOptions? options, IChatModel model, ChatTemplate template)
    {
        options ??= new ChatOptions();
        RefuseUnsupported(options, template);
        List<TemplateMessage> conversation = [.. messages.Select(Translate)];
        if (!string.IsNullOrEmpty(options.Instructions))
        {
            conversation.Insert(0, new TemplateMessage(TemplateMessage.System, options.Instructions));
        }

        var stopWords = StopWords.Of(template.StopWords, model.Encoder);
        return new ChatRequest(
            model.Encoder.Encode(Render(conversation, template), isFirstTurn: true),
            Sampling(options, template.Sampling) with { StopWords = stopWords.Tokens },
            [.. stopWords.Texts, .. (options.StopSequences ?? []).Select(NotEmpty)]);
    }

    private static void RefuseUnsupported(ChatOptions options, ChatTemplate template)
    {
        if (options.ModelId is { } wanted && wanted != template.Name)
        {
            throw new NotSupportedException($"the model '{wanted}' is not loaded; this client is one of '{template.Name}'.");
        }

        if (options.ConversationId is not null)
        {
            throw new NotSupportedException("conversations are not kept between calls; leave ConversationId out and send all messages.");
        }

        if (options.ResponseFormat is ChatResponseFormatJson)
        {
            throw new NotSupportedException("answers cannot be held to JSON; leave ResponseFormat out.");
        }

        if (options.ToolMode is RequiredChatToolMode)
        {
            throw new NotSupportedException("the model cannot be made to call tools; leave ToolMode out.");
        }
    }

    private static TemplateMessage Translate(ChatMessage message)
    {
        if (message.Contents.FirstOrDefault(content => content is not (TextContent or TextReasoningContent or UsageContent)) is { } other)
        {
            throw new NotSupportedException($"a message of '{message.Role.Value}' has {other.GetType().Name}; the model reads text only.");
        }

        // Roles of ChatRole are equal whatever their case; templates know them in lower case.
        var role = new[] { ChatRole.System, ChatRole.User, ChatRole.Assistant }.Contains(message.Role) ? message.Role.Value.ToLowerInvariant() : message.Role.Value;
        return new TemplateMessage(role, message.Text);
    }

    /// <summary>A base model has no form for conversations, but one question is a prompt.</summary>
    private static string Render(List<TemplateMessage> conversation, ChatTemplate template)
    {
        if (conversation.Count == 0)
        {
            throw new ChatTemplateException("there is no message to answer.");
        }

        return !template.RendersConversations && conversation is [{ Role: TemplateMessage.User } only] ? template.Render(only.Content) : template.Render(conversation);
    }

    private static GenerationOptions Sampling(ChatOptions options, SamplingDefaults defaults)
    {
        var sampling = GenerationOptions.From(defaults);
        return sampling with
        {
            RequestOutputLength = options.MaxOutputTokens ?? sampling.RequestOutputLength,
            Temperature = options.Temperature ?? sampling.Temperature,
            TopP = options.TopP ?? sampling.TopP,
            TopK = options.TopK ?? sampling.TopK,
            RepetitionPenalty = Number(options, RepetitionPenalty) ?? sampling.RepetitionPenalty,
            RandomSeed = options.Seed is { } seed ? unchecked((ulong)seed) : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))),
        };
    }

    private static float? Number(ChatOptions options, string name)
    {
        object? value = null;
        return options.AdditionalProperties?.TryGetValue(name, out value) != true || value is null ? null
            : value is JsonElement { ValueKind: JsonValueKind.Number } element ? element.GetSingle()
            : value is float or double or decimal or int or long ? Convert.ToSingle(value, CultureInfo.InvariantCulture)
            : throw new NotSupportedException($"{name} is a number, not a {value.GetType().Name}.");
    }

    private static string NotEmpty(string sequence) =>
        sequence.Length > 0 ? sequence : throw new NotSupportedException("a stop sequence is empty; every answer would end at once.");
}
