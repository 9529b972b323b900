namespace LayerCake.Recipes;

internal static class TopFields
{
    public static readonly TextField<string> Name = new(
        "", "name", "Names the recipe and its folder below artifacts.", RecipeTexts.ParseName, name => name)
    {
        Rule = "a folder name of letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)",
        Patterns = RecipeTexts.NamePatterns,
        Examples = ["internlm-tiny-w4kv8"],
    };

    public static readonly TextField<EngineContract> Engine = new(
        "", "engine", "The release that must load the workspace. It decides what is written and which settings can work.",
        EngineTable.TryParse, contract => contract.Name, EngineTable.Default)
    {
        Rule = "a release of lmdeploy from 0.0.13 to 0.3.0, such as 'lmdeploy 0.1.0'",
        Listed = [.. EngineTable.Built.Select(contract => contract.Name)],
        Examples = ["lmdeploy 0.1.0", "lmdeploy 0.3.0"],
    };
}
