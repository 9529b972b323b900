namespace LayerCake.Text.Chat;

/// <summary>CodeLlama fills a gap: the text before it and the text after it, each behind a marker.</summary>
internal sealed record InfillingFormat : PromptFormat
{
    /// <summary>Whether the text after the gap goes first.</summary>
    public bool SuffixFirst { get; init; }

    private const string Gap = "<FILL>";

    public override string FirstTurn(string prompt) => Fill(prompt);

    public override string NextTurn(string prompt) => Fill(prompt);

    public override PromptFormat With(ChatTemplateSettings settings, string template) =>
        settings.System is not null || settings.MetaInstruction is not null
            ? throw NoPlaceFor("system text for infilling", template, "the text around the gap is all it sees")
            : this with { SuffixFirst = settings.SuffixFirst ?? SuffixFirst };

    private string Fill(string prompt)
    {
        var parts = prompt.Split(Gap);
        return parts is not [var prefix, var suffix]
            ? throw new ChatTemplateException($"a prompt for infilling holds {Gap} once, where the text is missing; this one holds it {parts.Length - 1} times.")
            : SuffixFirst ? $"<PRE> <SUF>{suffix} <MID> {prefix}"
            : $"<PRE> {prefix} <SUF>{suffix} <MID>";
    }
}
