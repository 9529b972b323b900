namespace LayerCake.Text.Chat;

/// <summary>What a user sets of a template; null leaves the template's own. Names as on the original's command line, in snake case there.</summary>
public sealed record ChatTemplateSettings
{
    /// <summary>Tokens a session may have.</summary>
    public int? SessionLength { get; init; }

    /// <summary>See <see cref="SamplingDefaults"/>.</summary>
    public float? TopP { get; init; }

    /// <summary>See <see cref="SamplingDefaults"/>.</summary>
    public int? TopK { get; init; }

    /// <summary>See <see cref="SamplingDefaults"/>.</summary>
    public float? Temperature { get; init; }

    /// <summary>See <see cref="SamplingDefaults"/>.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>What prompts are made for.</summary>
    public ChatCapability? Capability { get; init; }

    /// <summary>Texts that end an answer.</summary>
    public IReadOnlyList<string>? StopWords { get; init; }

    /// <summary>
    /// The system text of templates with rounds (llama2, vicuna, qwen, …). For internlm-chat, yi and puyu, whose system text is
    /// <see cref="MetaInstruction"/>, it is the marker before it, as in the original.
    /// </summary>
    public string? System { get; init; }

    /// <summary>The system text of internlm-chat, yi and puyu.</summary>
    public string? MetaInstruction { get; init; }

    /// <summary>CodeLlama's infilling: the text after the gap goes first.</summary>
    public bool? SuffixFirst { get; init; }
}
