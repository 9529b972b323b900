namespace LayerCake.Chat.Terminal;

/// <summary>How a prompt is asked for, and the line that ends it.</summary>
internal sealed record PromptMarks(string Invitation, string Terminator)
{
    /// <summary>Programs have empty lines, so CodeLlama's prompts end otherwise.</summary>
    public static PromptMarks Of(string template) => template == "codellama"
        ? new("\nenter !! to end the input >>>\n", "!!")
        : new("\ndouble enter to end input >>> ", "");
}
