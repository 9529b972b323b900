namespace LayerCake.Text.Chat;

/// <summary>One message of a conversation. Both texts are data: a template compares the role with the three it knows and copies the content.</summary>
/// <param name="Role"><see cref="System"/>, <see cref="User"/> or <see cref="Assistant"/>; anything else is refused when it is rendered.</param>
/// <param name="Content">The text, put into the prompt as it is.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>The role of instructions to the model.</summary>
    public const string System = "system";

    /// <summary>The role of who asks.</summary>
    public const string User = "user";

    /// <summary>The role of the model.</summary>
    public const string Assistant = "assistant";
}
