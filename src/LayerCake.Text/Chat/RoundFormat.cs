using System.Text;

namespace LayerCake.Text.Chat;

/// <summary>
/// Families that see a conversation as a system text and rounds of one question and one answer: Llama 2, CodeLlama, Vicuna, Qwen,
/// Baichuan 2, Solar, UltraLM.
/// </summary>
internal sealed record RoundFormat : PromptFormat
{
    /// <summary>The system text; null for a family that has none and ignores system messages.</summary>
    public string? System { get; init; }

    /// <summary>Stands before the system text.</summary>
    public string SystemOpen { get; init; } = "";

    /// <summary>Stands between the system text and the first question.</summary>
    public string SystemClose { get; init; } = "";

    /// <summary>Stands before the second and later questions.</summary>
    public string UserOpen { get; init; } = "";

    /// <summary>Stands before the first question, after the system text.</summary>
    public string FirstUserOpen { get; init; } = "";

    /// <summary>Stands between a question and its answer.</summary>
    public string AssistantOpen { get; init; } = "";

    /// <summary>Stands after an answer.</summary>
    public string AssistantClose { get; init; } = "";

    /// <summary>Stands before the question of a later turn that is rendered alone.</summary>
    public string NextTurnOpen { get; init; } = "";

    /// <summary>The single-prompt form of CodeLlama: no spaces around the system text, none at the end, and the prompt trimmed.</summary>
    public bool IsTight { get; init; }

    public override string FirstTurn(string prompt) => IsTight
        ? SystemOpen.TrimEnd(' ') + System + SystemClose.TrimStart(' ') + FirstUserOpen + Stripped(prompt) + AssistantOpen.TrimEnd(' ')
        : Head(System) + FirstUserOpen + prompt + AssistantOpen;

    public override string NextTurn(string prompt) => IsTight
        ? NextTurnOpen + Stripped(prompt) + AssistantOpen.TrimEnd(' ')
        : NextTurnOpen + prompt + AssistantOpen;

    /// <remarks>
    /// As the original: the last system message counts, an empty one is none; questions and answers pair up by their order, so
    /// a question that no answer precedes, other than the first, is left out; an empty answer is one to be generated.
    /// </remarks>
    public override string Conversation(IReadOnlyList<ChatMessage> messages)
    {
        var system = System;
        List<string> questions = [];
        List<string> answers = [];
        foreach (var message in messages)
        {
            switch (message.Role)
            {
                case ChatMessage.System:
                    system = System is null ? null : message.Content;
                    break;
                case ChatMessage.User:
                    questions.Add(message.Content);
                    break;
                case ChatMessage.Assistant:
                    answers.Add(message.Content);
                    break;
                default:
                    throw UnknownRole(message);
            }
        }

        answers.Add("");
        var text = new StringBuilder(Head(string.IsNullOrEmpty(system) ? System : system));
        for (var round = 0; round < Math.Min(questions.Count, answers.Count); round++)
        {
            text.Append(round == 0 ? FirstUserOpen : UserOpen).Append(questions[round]).Append(AssistantOpen);
            if (answers[round].Length > 0)
            {
                text.Append(answers[round]).Append(AssistantClose);
            }
        }

        return text.ToString();
    }

    public override PromptFormat With(ChatTemplateSettings settings, string template) =>
        settings.MetaInstruction is not null
            ? throw NoPlaceFor("meta_instruction", template, System is null ? "it ignores system messages" : "its system text is set with system")
        : settings.System is not null && System is null ? throw NoPlaceFor("system text", template, "it ignores system messages")
        : this with { System = settings.System ?? System };

    /// <summary>Without the white space of both ends as Python counts it, which is .NET's and the four separators U+001C to U+001F.</summary>
    private static string Stripped(string text)
    {
        var start = 0;
        var end = text.Length;
        while (start < end && IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[start..end];

        static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\u001C' and <= '\u001F';
    }

    private string Head(string? system) => SystemOpen + system + SystemClose;
}
