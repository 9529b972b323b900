namespace LayerCake.Chat.Terminal;

/// <summary>A prompt that cannot be sent; the text says why.</summary>
internal sealed class PromptException(string message) : Exception(message);
