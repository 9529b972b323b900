namespace LayerCake.Recipes;

internal static class ModelFields
{
    public static readonly ChoiceField<string> Name = new(
        "model", "name", "The model's name in LMDeploy: its chat template and session length.",
        [.. ChatTemplates.Names.Select(name => (name, name))])
    {
        Noun = "a model name of LMDeploy, such as internlm-chat-7b or llama2",
        Examples = ["internlm-chat-7b", "llama2"],
    };

    public static readonly TextField<ModelSource> Source = new(
        "model", "source", "The checkpoint: a Hugging Face folder (a relative path counts from the recipe), or hf:organization/name@revision.",
        RecipeTexts.ParseSource, source => source.Text)
    {
        Rule = "a folder, or hf:organization/name@revision",
        Patterns = RecipeTexts.SourcePatterns,
        Examples = ["models/internlm-tiny", "hf:internlm/internlm-chat-7b@main"],
    };
}
