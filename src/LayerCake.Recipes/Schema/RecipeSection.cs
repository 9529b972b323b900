namespace LayerCake.Recipes;

/// <summary>A part of a recipe with its keys.</summary>
public sealed class RecipeSection
{
    internal RecipeSection(string name, string description, Type? options, IReadOnlyList<RecipeField> fields)
    {
        Name = name;
        Description = description;
        OptionsType = options;
        Fields = fields;
    }

    /// <summary>The key in the recipe (<c>kv_qparams</c>); empty for the top level.</summary>
    public string Name { get; }

    public string Description { get; }

    /// <summary>The record that holds the section's values; null for the top level.</summary>
    public Type? OptionsType { get; }

    /// <summary>Whether the section is a step of the build. The others are model and execution.</summary>
    public bool IsStep => OptionsType is not null && typeof(IStepOptions).IsAssignableFrom(OptionsType);

    public IReadOnlyList<RecipeField> Fields { get; }

    /// <summary>Whether a recipe cannot do without it.</summary>
    public bool IsRequired { get; internal init; }

    /// <summary>How the section might look, for messages: <c>{ bits: 4, group_size: 128 }</c>.</summary>
    internal string Example => $"{{ {string.Join(", ", Fields.Select(Sample))} }}";

    internal RecipeField? Find(string name) => Fields.FirstOrDefault(field => field.Name == name);

    private static string Sample(RecipeField field) => $"{field.Name}: {field.DefaultText ?? field.Examples[0]}";
}
