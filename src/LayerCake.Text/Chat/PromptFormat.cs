namespace LayerCake.Text.Chat;

/// <summary>How a family writes conversations. Everything is joined by concatenation, so no text can act as a placeholder.</summary>
internal abstract record PromptFormat
{
    /// <summary>The prompt of a new session.</summary>
    public virtual string FirstTurn(string prompt) => prompt;

    /// <summary>The prompt of a later turn, which comes after all that the session holds.</summary>
    public virtual string NextTurn(string prompt) => prompt;

    /// <summary>A whole conversation, or null where the family has no such form.</summary>
    /// <exception cref="ChatTemplateException">A role is unknown.</exception>
    public virtual string? Conversation(IReadOnlyList<ChatMessage> messages) => null;

    /// <summary>This format with a user's texts.</summary>
    /// <exception cref="ChatTemplateException">The family has no place for one of them.</exception>
    public abstract PromptFormat With(ChatTemplateSettings settings, string template);

    protected static ChatTemplateException UnknownRole(ChatMessage message)
    {
        var role = message.Role.Length <= 64 ? message.Role : message.Role[..64] + "…";
        return new ChatTemplateException(
            $"unknown role '{role}' in a message; the roles are {ChatMessage.System}, {ChatMessage.User} and {ChatMessage.Assistant}.");
    }

    protected static ChatTemplateException NoPlaceFor(string setting, string template, string instead) =>
        new($"the chat template {template} has no {setting}; {instead}.");
}
