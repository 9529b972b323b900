using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>
/// The JSON schema (draft 7) that gives editors completion and faults while typing. It is written from <see cref="RecipeSchema"/>, so it
/// knows the keys that the reader knows; rules between sections are said a second time here, and a test holds both against each other.
/// </summary>
public static class RecipeJsonSchema
{
    /// <summary>The text of <c>recipes/recipe.schema.json</c>, with <c>\n</c> and a newline at the end.</summary>
    public static string Text { get; } = Write();

    private static string Write()
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            json.WriteString("$schema", "http://json-schema.org/draft-07/schema#");
            json.WriteString("title", "LayerCake recipe");
            WriteObject(json, RecipeSchema.Top, RecipeSchema.Sections);
            WriteRules(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    private static void WriteObject(Utf8JsonWriter json, RecipeSection section, IReadOnlyList<RecipeSection> inner)
    {
        json.WriteString("description", section.Description);
        if (section == RecipeSchema.Top)
        {
            json.WriteString("type", "object");
        }
        else
        {
            json.WriteStartArray("type");
            json.WriteStringValue("object");
            json.WriteStringValue("null");
            json.WriteEndArray();
        }

        json.WriteBoolean("additionalProperties", false);
        json.WriteStartObject("properties");
        if (section == RecipeSchema.Top)
        {
            WriteExtends(json);
        }

        foreach (var field in section.Fields)
        {
            json.WriteStartObject(field.Name);
            WriteDescription(json, field);
            field.WriteSchema(json, orNull: true);
            json.WriteEndObject();
        }

        foreach (var part in inner)
        {
            json.WriteStartObject(part.Name);
            WriteObject(json, part, []);
            json.WriteEndObject();
        }

        if (section == RecipeSchema.Top)
        {
            WriteMatrix(json);
        }

        json.WriteEndObject();
    }

    private static void WriteDescription(Utf8JsonWriter json, RecipeField field) =>
        json.WriteString("description", field.DefaultText is { } text ? $"{field.Description} Default: {text}." : field.Description);

    private static void WriteExtends(Utf8JsonWriter json)
    {
        json.WriteStartObject(RecipeSchema.ExtendsKey);
        json.WriteString("description", RecipeSchema.ExtendsDescription);
        json.WriteString("type", "string");
        json.WriteNumber("maxLength", RecipeLimits.TextLength);
        json.WriteString("pattern", RecipeTexts.BasePattern);
        json.WriteEndObject();
    }

    private static void WriteMatrix(Utf8JsonWriter json)
    {
        json.WriteStartObject(RecipeSchema.MatrixKey);
        json.WriteString("description", RecipeSchema.MatrixDescription);
        json.WriteStartArray("type");
        json.WriteStringValue("object");
        json.WriteStringValue("null");
        json.WriteEndArray();
        json.WriteNumber("minProperties", 1);
        json.WriteBoolean("additionalProperties", false);
        json.WriteStartObject("properties");
        foreach (var field in RecipeSchema.Fields.Where(field => field != TopFields.Name))
        {
            json.WriteStartObject(field.Path);
            WriteDescription(json, field);
            json.WriteStartArray("type");
            json.WriteStringValue("array");
            json.WriteStringValue("null");
            json.WriteEndArray();
            json.WriteNumber("minItems", 2);
            json.WriteNumber("maxItems", RecipeLimits.Variants);
            json.WriteBoolean("uniqueItems", true);
            json.WriteStartObject("items");
            field.WriteMatrixSchema(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>
    /// What <see cref="RecipeRules"/> says, in "either … or …", since draft 7 validators differ in what else they know. What another file or the matrix may
    /// bring is not asked for here.
    /// </summary>
    private static void WriteRules(Utf8JsonWriter json)
    {
        var (calibrate, kv, awq, convert) =
            (RecipeSchema.Calibrate.Name, RecipeSchema.KvQparams.Name, RecipeSchema.AutoAwq.Name, RecipeSchema.Convert.Name);
        Action extends = () => WriteHas(json, RecipeSchema.ExtendsKey);
        Action matrix = () => WriteHas(json, RecipeSchema.MatrixKey);
        json.WriteStartArray("allOf");
        WriteEither(json, "name is required.", extends, () => WriteHas(json, TopFields.Name.Name));
        WriteEither(json, "The sections and keys that have no default are required.", extends, matrix, () => WriteRequired(json));
        WriteEither(json, "null removes what the extended recipe says; there is nothing to remove without one.", extends, () => WriteNoNull(json));
        WriteEither(json, $"{kv} needs {calibrate}.", extends, matrix, () => WriteLacks(json, kv), () => WriteHas(json, calibrate));
        WriteEither(
            json, $"{awq} needs {calibrate}, unless its method is rtn.",
            extends, matrix, () => WriteLacks(json, awq), () => WriteHas(json, calibrate), () => WriteMethod(json, awq, QuantizationMethod.Rtn));
        WriteEither(
            json, $"{calibrate} needs a step that reads its statistics.",
            extends, matrix, () => WriteLacks(json, calibrate), () => WriteHas(json, kv), () => WriteHas(json, awq));
        WriteEither(
            json, $"With {awq} the weights are int4, and {ConvertFields.WeightType.Path} stays auto.",
            extends, matrix, () => WriteLacks(json, awq), () => WriteWeightType(json, convert, WeightType.Auto));
        WriteEither(
            json, "The engine reads an int8 KV cache with float16 or int4 weights only.",
            extends, matrix, () => WriteLacks(json, kv), () => WriteWeightType(json, convert, WeightType.Auto, WeightType.Float16));
        json.WriteEndArray();
    }

    private static void WriteRequired(Utf8JsonWriter json)
    {
        WriteWords(json, "required", RecipeSchema.Sections.Where(section => section.IsRequired).Select(section => section.Name));
        json.WriteStartObject("properties");
        foreach (var section in RecipeSchema.Sections.Where(section => section.Fields.Any(field => field.IsRequired)))
        {
            json.WriteStartObject(section.Name);
            WriteWords(json, "required", section.Fields.Where(field => field.IsRequired).Select(field => field.Name));
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteNoNull(Utf8JsonWriter json)
    {
        json.WriteStartObject("properties");
        foreach (var field in RecipeSchema.Top.Fields)
        {
            WriteNotNull(json, field.Name);
        }

        foreach (var section in RecipeSchema.Sections)
        {
            json.WriteStartObject(section.Name);
            json.WriteString("type", "object");
            WriteNotNull(json, section.Fields.Select(field => field.Name));
            json.WriteEndObject();
        }

        json.WriteStartObject(RecipeSchema.MatrixKey);
        json.WriteString("type", "object");
        WriteNotNull(json, RecipeSchema.Fields.Select(field => field.Path));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteNotNull(Utf8JsonWriter json, IEnumerable<string> names)
    {
        json.WriteStartObject("properties");
        foreach (var name in names)
        {
            WriteNotNull(json, name);
        }

        json.WriteEndObject();
    }

    private static void WriteNotNull(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        json.WriteStartObject("not");
        json.WriteString("type", "null");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteEither(Utf8JsonWriter json, string description, params ReadOnlySpan<Action> alternatives)
    {
        json.WriteStartObject();
        json.WriteString("description", description);
        json.WriteStartArray("anyOf");
        foreach (var write in alternatives)
        {
            json.WriteStartObject();
            write();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHas(Utf8JsonWriter json, string section) => WriteWords(json, "required", [section]);

    private static void WriteLacks(Utf8JsonWriter json, string section)
    {
        json.WriteStartObject("not");
        WriteHas(json, section);
        json.WriteEndObject();
    }

    private static void WriteMethod(Utf8JsonWriter json, string section, QuantizationMethod method)
    {
        json.WriteStartObject("properties");
        json.WriteStartObject(section);
        WriteHas(json, AutoAwqFields.Method.Name);
        json.WriteStartObject("properties");
        json.WriteStartObject(AutoAwqFields.Method.Name);
        WriteWords(json, "enum", [AutoAwqFields.Method.Format(method)]);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteWeightType(Utf8JsonWriter json, string convert, params ReadOnlySpan<WeightType> allowed)
    {
        json.WriteStartObject("properties");
        json.WriteStartObject(convert);
        json.WriteStartObject("properties");
        json.WriteStartObject(ConvertFields.WeightType.Name);
        json.WriteStartArray("enum");
        foreach (var type in allowed)
        {
            json.WriteStringValue(ConvertFields.WeightType.Format(type));
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteWords(Utf8JsonWriter json, string name, IEnumerable<string> words)
    {
        json.WriteStartArray(name);
        foreach (var word in words)
        {
            json.WriteStringValue(word);
        }

        json.WriteEndArray();
    }
}
