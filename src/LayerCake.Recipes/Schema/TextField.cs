using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>Reads a text into a value, or says in <paramref name="problem"/> what is wrong with it ("has a space in it").</summary>
internal delegate bool TextParser<T>(string text, [NotNullWhen(true)] out T? value, out string problem);

/// <summary>A text with rules of its own.</summary>
internal sealed class TextField<T> : RecipeField<T>
{
    private readonly TextParser<T> _parse;
    private readonly Func<T, string> _format;

    public TextField(string section, string name, string description, TextParser<T> parse, Func<T, string> format)
        : base(section, name, description) => (_parse, _format) = (parse, format);

    public TextField(string section, string name, string description, TextParser<T> parse, Func<T, string> format, T @default)
        : base(section, name, description, @default) => (_parse, _format) = (parse, format);

    public override string Wanted => Rule;

    /// <summary>What the text must be, in words.</summary>
    public required string Rule { get; init; }

    /// <summary>ECMA regular expressions that the text matches exactly when <c>parse</c> accepts it (a test compares them).</summary>
    public IReadOnlyList<string> Patterns { get; init; } = [];

    /// <summary>All legal texts, where they can be listed.</summary>
    public IReadOnlyList<string> Listed { get; init; } = [];

    internal override string Format(T value) => _format(value);

    internal override bool TryRead(ScalarNode scalar, out T value, out string problem)
    {
        value = default!;
        if (!scalar.TryReadText(Wanted, out var text, out problem))
        {
            return false;
        }

        if (text.Length > RecipeLimits.TextLength)
        {
            problem = $"is a text of {text.Length} characters; at most {RecipeLimits.TextLength} are read";
            return false;
        }

        if (!_parse(text, out var parsed, out problem))
        {
            return false;
        }

        value = parsed;
        return true;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "string", orNull);
        if (Listed.Count > 0)
        {
            WriteTexts(json, "enum", Listed, orNull);
        }
        else
        {
            json.WriteNumber("maxLength", RecipeLimits.TextLength);
            WriteTexts(json, "examples", Examples, orNull: false);
        }

        if (Patterns.Count == 1)
        {
            json.WriteString("pattern", Patterns[0]);
        }
        else if (Patterns.Count > 1)
        {
            json.WriteStartArray("allOf");
            foreach (var pattern in Patterns)
            {
                json.WriteStartObject();
                json.WriteString("pattern", pattern);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (DefaultText is { } text)
        {
            json.WriteString("default", text);
        }
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts, bool orNull)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        WriteNull(json, orNull);
        json.WriteEndArray();
    }
}
