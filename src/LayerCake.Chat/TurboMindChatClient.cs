using System.Runtime.CompilerServices;
using LayerCake.Chat.Requests;
using LayerCake.Chat.Sessions;
using LayerCake.Runtime;
using LayerCake.Text.Chat;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace LayerCake.Chat;

/// <summary>
/// A loaded model as a client of Microsoft.Extensions.AI. Every call is a session of its own: the caller sends the whole conversation, and it is rendered with the
/// template's form for lists of messages. Calls may run at once; the model computes them together.
/// </summary>
public sealed class TurboMindChatClient : IChatClient
{
    private readonly TurboMindModel? _turboMind;
    private readonly IChatModel _model;
    private readonly ChatTemplate _template;
    private readonly ChatClientMetadata _metadata;

    /// <summary>A client of a model.</summary>
    /// <param name="model">Not disposed with the client.</param>
    /// <param name="template">The template with what the caller set of it; null for the model's own.</param>
    /// <exception cref="RuntimeException">The model has no chat template.</exception>
    public TurboMindChatClient(TurboMindModel model, ChatTemplate? template = null)
        : this(new RuntimeModel(model ?? throw new ArgumentNullException(nameof(model))), template) => _turboMind = model;

    internal TurboMindChatClient(IChatModel model, ChatTemplate? template)
    {
        (_model, _template) = (model, template ?? model.Template);
        _metadata = new ChatClientMetadata("layercake", providerUri: null, _template.Name);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A message has content that is no text, or an option asks for what the engine cannot do.</exception>
    /// <exception cref="ChatTemplateException">A role is unknown, or the template has no form for conversations.</exception>
    /// <exception cref="RuntimeException">The prompt does not fit into a session, or an option is out of range.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>The last update has no text but the finish reason and the usage.</remarks>
    /// <exception cref="NotSupportedException">A message has content that is no text, or an option asks for what the engine cannot do.</exception>
    /// <exception cref="ChatTemplateException">A role is unknown, or the template has no form for conversations.</exception>
    /// <exception cref="RuntimeException">The prompt does not fit into a session, or an option is out of range.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var request = ChatRequest.Of(messages, options, _model, _template);
        var (id, created) = ($"chatcmpl-{Guid.NewGuid():N}", DateTimeOffset.UtcNow);
        using var session = _model.CreateSession();
        var answer = new Answer(session, _model.Tokenizer);
        await foreach (var text in answer.ReadAsync(request.Ids, request.Options, request.StopSequences, cancellationToken).ConfigureAwait(false))
        {
            yield return Update([new TextContent(text)]);
        }

        var usage = new UsageDetails
        {
            InputTokenCount = request.Ids.Length,
            OutputTokenCount = answer.TokenCount,
            TotalTokenCount = request.Ids.Length + answer.TokenCount,
        };
        var last = Update([new UsageContent(usage)]);
        last.FinishReason = answer.IsCut ? ChatFinishReason.Length : ChatFinishReason.Stop;
        yield return last;

        ChatResponseUpdate Update(IList<AIContent> contents) => new(ChatRole.Assistant, contents)
        {
            ResponseId = id,
            MessageId = id,
            CreatedAt = created,
            ModelId = _template.Name,
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType == typeof(ChatTemplate) ? _template
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(_turboMind) ? _turboMind
            : null;
    }

    /// <summary>Does nothing: the model belongs to the caller.</summary>
    public void Dispose()
    {
    }
}
