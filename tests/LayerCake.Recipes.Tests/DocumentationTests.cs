namespace LayerCake.Recipes.Tests;

/// <summary>docs/recipes.md says what the reader does.</summary>
internal sealed class DocumentationTests
{
    private static readonly string s_text = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "docs", "recipes.md"));

    private static IEnumerable<RecipeField> Fields() => RecipeSchema.Sections.Prepend(RecipeSchema.Top).SelectMany(section => section.Fields);

    [TestCaseSource(nameof(Fields))]
    public void Every_key_is_a_row_with_its_rule_and_default(RecipeField field) =>
        Assert.That(
            s_text,
            Does.Contain($"| `{field.Path}` | {field.Wanted} | {(field.DefaultText is { } text ? $"`{text}`" : field.IsRequired ? "required" : "none")} | {field.Description} |\n"));

    [Test]
    public void Every_section_is_described() =>
        Assert.That(RecipeSchema.Sections.Select(section => $"`{section.Name}`: {section.Description}"), Has.All.Matches<string>(line => s_text.Contains(line!)));

    [Test]
    public void Every_model_name_and_engine_is_listed() =>
        Assert.That(
            ChatTemplates.Names.Concat(EngineTable.Built.Select(contract => contract.Release.ToString())),
            Has.All.Matches<string>(name => s_text.Contains($"`{name}`")));

    [Test]
    public void The_printed_example_is_what_is_printed()
    {
        const string fence = "```text\n";
        var recipe = Block("```yaml\n# broken.yaml\n", "# broken.yaml\n");
        var printed = Block(fence + "broken.yaml:", "broken.yaml:");

        var faults = Assert.Throws<RecipeException>(() => RecipeReader.Parse(recipe, "broken.yaml", Path.GetTempPath(), ["calibrate.sample=16"]))!;

        Assert.That(faults.Message + "\n", Is.EqualTo(printed));
    }

    [Test]
    public void The_example_recipe_is_right()
    {
        var recipe = Recipes.Parse(Block("```yaml\n# recipes/", "# recipes/"));

        Assert.That(KeyText.Of(recipe.AddTo), Is.EqualTo(KeyText.Of(RecipeReader.Load(RepositoryFiles.Recipes("internlm-tiny-w4kv8.yaml"), []).AddTo)));
    }

    /// <summary>The fenced block that begins with <paramref name="opening"/>, from <paramref name="start"/> on.</summary>
    private static string Block(string opening, string start)
    {
        var begin = s_text.IndexOf(opening, StringComparison.Ordinal) + opening.Length - start.Length;
        return s_text[begin..s_text.IndexOf("```", begin, StringComparison.Ordinal)];
    }
}
