using System.Collections.Immutable;
using System.Globalization;

namespace LayerCake.Text.Chat;

/// <summary>
/// A chat template of LMDeploy v0.1.0: how a model was taught to see conversations, with its session length, sampling and stop words.
/// Renders the same strings as the original; what a message says, its role included, is data and never code.
/// </summary>
public sealed class ChatTemplate
{
    private readonly PromptFormat _format;
    private readonly bool _isCodeLlama;

    internal ChatTemplate(string name, int sessionLength, SamplingDefaults sampling, ImmutableArray<string> stopWords, PromptFormat format)
    {
        Name = name;
        SessionLength = sessionLength;
        Sampling = sampling;
        StopWords = stopWords;
        _format = format;
        _isCodeLlama = name == ChatTemplateTable.CodeLlama;
    }

    private ChatTemplate(ChatTemplate template, PromptFormat format)
    {
        (Name, SessionLength, Sampling, StopWords) = (template.Name, template.SessionLength, template.Sampling, template.StopWords);
        Capability = template.Capability;
        _format = format;
        _isCodeLlama = template._isCodeLlama;
    }

    /// <summary>All templates, in the order in which LMDeploy registers them.</summary>
    public static ImmutableArray<ChatTemplate> All { get; } = ChatTemplateTable.Create();

    /// <summary>The name, which config.ini's <c>model_name</c> gives; upper and lower case count.</summary>
    public string Name { get; }

    /// <summary>Tokens a session may have; converted workspaces allow eight more.</summary>
    public int SessionLength { get; private init; }

    /// <summary>What prompts are made for.</summary>
    public ChatCapability Capability { get; private init; }

    /// <summary>How the models are sampled unless the caller says otherwise.</summary>
    public SamplingDefaults Sampling { get; private init; }

    /// <summary>Texts that end an answer.</summary>
    public ImmutableArray<string> StopWords { get; private init; }

    /// <summary>Whether <see cref="Render(IReadOnlyList{ChatMessage})"/> has a form for this template; base models have none.</summary>
    public bool RendersConversations => Capability == ChatCapability.Chat && _format is not PlainFormat;

    /// <summary>The template of a name.</summary>
    /// <exception cref="ChatTemplateException">No such name; the message gives the nearest one, or all.</exception>
    public static ChatTemplate Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (All.FirstOrDefault(template => template.Name == name) is { } found)
        {
            return found;
        }

        var shown = name.Length <= 64 ? name : name[..64] + "…";
        var near = NearestName.Of(name, All.Select(template => template.Name));
        throw new ChatTemplateException(near is null
            ? $"there is no chat template '{shown}'; the names are {string.Join(", ", All.Select(template => template.Name))}."
            : $"there is no chat template '{shown}'; did you mean '{near}'?");
    }

    /// <summary>This template with what a user sets.</summary>
    /// <exception cref="ChatTemplateException">A value is out of range, or the template has no place for it.</exception>
    public ChatTemplate With(ChatTemplateSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var capability = settings.Capability ?? Capability;
        if (!_isCodeLlama && capability is (ChatCapability.Infilling or ChatCapability.Python))
        {
            throw new ChatTemplateException(
                $"the chat template {Name} has no capability {capability.ToString().ToLowerInvariant()}; it has chat and completion, codellama has all four.");
        }

        if (settings.SuffixFirst is not null && capability != ChatCapability.Infilling)
        {
            throw new ChatTemplateException("suffix_first belongs to codellama's capability infilling.");
        }

        var (format, sampling, stopWords) = _isCodeLlama && capability != Capability
            ? ChatTemplateTable.CodeLlamaFor(capability)
            : (_format, Sampling, StopWords);
        format = format.With(settings, Name);
        return new ChatTemplate(this, format)
        {
            Capability = capability,
            SessionLength = InRange("session_len", settings.SessionLength ?? SessionLength, 1, int.MaxValue),
            StopWords = settings.StopWords is { } words ? [.. words] : stopWords,
            Sampling = new SamplingDefaults(
                InRange("top_p", settings.TopP ?? sampling.TopP, 0f, 1f),
                (settings.TopK ?? sampling.TopK) is { } topK ? InRange("top_k", topK, 0, int.MaxValue) : null,
                InRange("temperature", settings.Temperature ?? sampling.Temperature, 0f, float.MaxValue),
                InRange("repetition_penalty", settings.RepetitionPenalty ?? sampling.RepetitionPenalty, float.Epsilon, float.MaxValue)),
        };
    }

    /// <summary>The text of one turn.</summary>
    /// <param name="prompt">What the user says.</param>
    /// <param name="isFirstTurn">Whether the session begins with it; a later turn comes after all that the session holds.</param>
    /// <exception cref="ChatTemplateException">A prompt for infilling does not mark one gap.</exception>
    public string Render(string prompt, bool isFirstTurn = true)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Capability == ChatCapability.Completion ? prompt : isFirstTurn ? _format.FirstTurn(prompt) : _format.NextTurn(prompt);
    }

    /// <summary>The text of a whole conversation, up to where the next answer begins.</summary>
    /// <exception cref="ChatTemplateException">A role is unknown, or the template has no form for conversations.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return (Capability == ChatCapability.Chat ? _format.Conversation(messages) : null) ?? throw new ChatTemplateException(
            $"the chat template {Name} ({Capability.ToString().ToLowerInvariant()}) has no form for lists of messages. Send the prompt as one text.");
    }

    private static T InRange<T>(string name, T value, T least, T most)
        where T : IComparable<T>, IFormattable
    {
        // NaN compares as less than everything.
        return value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0 ? value : throw new ChatTemplateException(string.Create(
            CultureInfo.InvariantCulture, $"{name} is {value}; it must be {RangeText(least, most)}."));
    }

    private static string RangeText<T>(T least, T most)
        where T : IFormattable => (least, most) switch
        {
            (float.Epsilon, _) => "a number greater than 0",
            (float, float.MaxValue) => "a number, 0 or greater",
            (int, int.MaxValue) => string.Create(CultureInfo.InvariantCulture, $"{least} or greater"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{least} to {most}"),
        };
}
