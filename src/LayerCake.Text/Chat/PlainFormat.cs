namespace LayerCake.Text.Chat;

/// <summary>Base models: the prompt as it is.</summary>
internal sealed record PlainFormat : PromptFormat
{
    public override PromptFormat With(ChatTemplateSettings settings, string template) =>
        settings.System is not null ? throw NoPlaceFor("system text", template, "its prompts are not decorated")
        : settings.MetaInstruction is not null ? throw NoPlaceFor("meta_instruction", template, "its prompts are not decorated")
        : this;
}
