using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>One key of a recipe that holds a scalar. The reader, the JSON schema, the documentation and the cache keys all take it from here.</summary>
public abstract class RecipeField
{
    private protected RecipeField(string section, string name, string description)
    {
        Section = section;
        Name = name;
        Description = description;
    }

    /// <summary>The section that holds it; empty for a key of the top level.</summary>
    public string Section { get; }

    /// <summary>The key in the recipe, and the field's name in a cache key.</summary>
    public string Name { get; }

    /// <summary>The name with its section, as <c>--set</c> takes it: <c>calibrate.samples</c>.</summary>
    public string Path => Section.Length == 0 ? Name : $"{Section}.{Name}";

    public string Description { get; }

    /// <summary>What a value must be: "a whole number from 1 to 100000".</summary>
    public abstract string Wanted { get; }

    /// <summary>The default as it would be written; null where there is none.</summary>
    public abstract string? DefaultText { get; }

    public abstract bool IsRequired { get; }

    /// <summary>Legal values as they would be written, for editors and documentation.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [];

    /// <summary>Writes the members of this field's schema object: type, limits, default.</summary>
    /// <param name="json">Takes them.</param>
    /// <param name="orNull">Whether null is taken too.</param>
    internal abstract void WriteSchema(Utf8JsonWriter json, bool orNull);

    /// <summary>Writes the members of the schema object of one value in a matrix's list.</summary>
    internal virtual void WriteMatrixSchema(Utf8JsonWriter json) => WriteSchema(json, orNull: false);

    private protected static void WriteType(Utf8JsonWriter json, string type, bool orNull)
    {
        if (!orNull)
        {
            json.WriteString("type", type);
            return;
        }

        json.WriteStartArray("type");
        json.WriteStringValue(type);
        json.WriteStringValue("null");
        json.WriteEndArray();
    }

    private protected static void WriteNull(Utf8JsonWriter json, bool orNull)
    {
        if (orNull)
        {
            json.WriteNullValue();
        }
    }

    /// <summary>Reads <paramref name="scalar"/>; on failure the problem follows the field's path in a message.</summary>
    internal abstract bool TryRead(ScalarNode scalar, out object? value, out string problem);
}
