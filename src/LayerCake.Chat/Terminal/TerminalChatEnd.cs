namespace LayerCake.Chat.Terminal;

/// <summary>How a conversation on a terminal ended.</summary>
public enum TerminalChatEnd
{
    /// <summary>By <c>exit</c> or the end of the input, and every prompt was answered.</summary>
    Ended,

    /// <summary>The same, but a prompt could not be answered.</summary>
    Refused,

    /// <summary>By Ctrl+C or a signal.</summary>
    Interrupted,
}
