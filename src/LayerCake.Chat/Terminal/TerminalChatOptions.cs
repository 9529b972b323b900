using LayerCake.Text.Chat;

namespace LayerCake.Chat.Terminal;

/// <summary>How a conversation on a terminal goes; names and defaults are those of <c>lmdeploy chat turbomind</c>.</summary>
public sealed record TerminalChatOptions
{
    /// <summary>The number that the first line shows.</summary>
    public int SessionId { get; init; } = 1;

    /// <summary>Whether answers are shown as they come, or whole.</summary>
    public bool StreamOutput { get; init; } = true;

    /// <summary>The most tokens of an answer.</summary>
    public int RequestOutputLength { get; init; } = 512;

    /// <summary>The template with what the user set of it.</summary>
    public required ChatTemplate Template { get; init; }

    /// <summary>Every session's random numbers begin with it; null draws one for each.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Whether output goes to a terminal: control characters are then shown as pictures, since they could change what the terminal shows or does.</summary>
    public bool IsTerminal { get; init; }
}
