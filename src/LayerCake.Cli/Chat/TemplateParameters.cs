using System.CommandLine;
using System.Globalization;
using LayerCake.Cli.Lite;
using LayerCake.Recipes;
using LayerCake.Text.Chat;

namespace LayerCake.Cli.Chat;

/// <summary>The arguments of chat templates, which LMDeploy's chat takes by name.</summary>
internal sealed class TemplateParameters
{
    private readonly FireParameter _sessionLength = new("session_len", "The most tokens a session may have; the template's own where not given.");
    private readonly FireParameter _topP = new("top_p", "Of the candidates, those that make up this share of the probability, 0 to 1.");
    private readonly FireParameter _topK = new("top_k", "How many candidates; 1 always takes the likeliest.");
    private readonly FireParameter _temperature = new("temperature", "Divides the logits; 0 is practically greedy.");
    private readonly FireParameter _repetitionPenalty = new("repetition_penalty", "Makes tokens that were there less likely; 1 for none.");
    private readonly FireParameter _system = new("system", "The system text; of internlm-chat, yi and puyu the marker before it.");
    private readonly FireParameter _metaInstruction = new("meta_instruction", "The system text of internlm-chat, yi and puyu.");
    private readonly FireParameter _stopWords = new("stop_words", "Texts that end an answer: one, or a list like \"['<eoa>', '</s>']\".");
    private readonly FireParameter _suffixFirst = new("suffix_first", "CodeLlama's infilling: the text after the gap goes first.", isSwitch: true);

    public IReadOnlyList<FireParameter> All =>
        [_sessionLength, _topP, _topK, _temperature, _repetitionPenalty, _system, _metaInstruction, _stopWords, _suffixFirst];

    /// <summary>The template of a name with what the command line sets of it.</summary>
    /// <param name="name">The template.</param>
    /// <param name="capability">The value of --cap.</param>
    /// <param name="text">The value of a parameter, or null.</param>
    /// <exception cref="UsageException">A value is out of range, or the template has no place for it.</exception>
    /// <exception cref="ChatTemplateException">There is no such template.</exception>
    public ChatTemplate Apply(string name, string capability, Func<FireParameter, string?> text)
    {
        var template = ChatTemplate.Find(name);
        var settings = new ChatTemplateSettings
        {
            Capability = Capability(capability),
            SessionLength = text(_sessionLength) is { } length ? FireParameter.ParseInteger(_sessionLength.Name, length, 1) : null,
            TopP = Number(_topP),
            TopK = text(_topK) is { } topK ? FireParameter.ParseInteger(_topK.Name, topK, 0) : null,
            Temperature = Number(_temperature),
            RepetitionPenalty = Number(_repetitionPenalty),
            System = text(_system),
            MetaInstruction = text(_metaInstruction),
            StopWords = text(_stopWords) is { } words ? PythonList.Parse(_stopWords.Name, words) : null,
            SuffixFirst = text(_suffixFirst) is { } suffixFirst ? FireParameter.ParseBoolean(_suffixFirst.Name, suffixFirst) : null,
        };
        if (settings.StopWords?.Contains("") == true)
        {
            throw new UsageException("--stop_words has an empty text; every answer would end at once.");
        }

        try
        {
            return template.With(settings);
        }
        catch (ChatTemplateException exception)
        {
            throw new UsageException(exception.Message);
        }

        float? Number(FireParameter parameter) => text(parameter) is not { } value ? null
            : float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
            : throw new UsageException($"--{parameter.Name} takes a number, not '{value}'.");
    }

    /// <summary>Whether the command line sets the session length.</summary>
    public bool SetsSessionLength(Func<FireParameter, string?> text) => text(_sessionLength) is not null;

    private static ChatCapability Capability(string text)
    {
        string[] names = ["chat", "completion", "infilling", "python"];
        if (names.Contains(text))
        {
            return Enum.Parse<ChatCapability>(text, ignoreCase: true);
        }

        var near = NearName.Of(text, names);
        throw new UsageException($"--cap takes {string.Join(", ", names[..^1])} or {names[^1]}, not '{text}'{(near is null ? "" : $"; did you mean '{near}'?")}");
    }
}
