using System.Text;

namespace LayerCake.Text.Chat;

/// <summary>Families that write each message between its role's markers, in the order of the conversation: InternLM, Yi, Puyu.</summary>
internal sealed record MarkedFormat : PromptFormat
{
    /// <summary>The marker before a system text.</summary>
    public string System { get; init; } = "";

    /// <summary>Stands after a system text.</summary>
    public string SystemClose { get; init; } = "";

    /// <summary>The marker before a question.</summary>
    public string User { get; init; } = "";

    /// <summary>Stands after a question.</summary>
    public string UserClose { get; init; } = "";

    /// <summary>The marker before an answer.</summary>
    public string Assistant { get; init; } = "";

    /// <summary>Stands after an answer.</summary>
    public string AssistantClose { get; init; } = "";

    /// <summary>Stands before a later turn that is rendered alone.</summary>
    public string NextTurnOpen { get; init; } = "";

    /// <summary>The system text that begins every conversation; null for none.</summary>
    public string? MetaInstruction { get; init; }

    /// <summary>Whether a first turn without a system text still has the marker of one.</summary>
    public bool AlwaysMarksSystem { get; init; }

    /// <summary>What the list form puts between the system marker and <see cref="MetaInstruction"/>; a colon too many in InternLM and Yi.</summary>
    public string ConversationSystemJoin { get; init; } = "";

    public override string FirstTurn(string prompt) =>
        (AlwaysMarksSystem || !string.IsNullOrEmpty(MetaInstruction) ? System + MetaInstruction + SystemClose : "") + Question(prompt) + Assistant;

    public override string NextTurn(string prompt) => NextTurnOpen + Question(prompt) + Assistant;

    /// <remarks>As the original: the family's own system text stays in front of a caller's, and the list always ends with the answer's marker.</remarks>
    public override string Conversation(IReadOnlyList<ChatMessage> messages)
    {
        var text = new StringBuilder();
        if (!string.IsNullOrEmpty(MetaInstruction))
        {
            text.Append(System).Append(ConversationSystemJoin).Append(MetaInstruction).Append(SystemClose);
        }

        foreach (var message in messages)
        {
            var (open, close) = message.Role switch
            {
                ChatMessage.System => (System, SystemClose),
                ChatMessage.User => (User, UserClose),
                ChatMessage.Assistant => (Assistant, AssistantClose),
                _ => throw UnknownRole(message),
            };
            text.Append(open).Append(message.Content).Append(close);
        }

        return text.Append(Assistant).ToString();
    }

    public override PromptFormat With(ChatTemplateSettings settings, string template) => this with
    {
        System = settings.System ?? System,
        MetaInstruction = settings.MetaInstruction ?? MetaInstruction,
    };

    private string Question(string prompt) => User + prompt + UserClose;
}
