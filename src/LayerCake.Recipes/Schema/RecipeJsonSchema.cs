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
        json.WriteString("type", "object");
        json.WriteBoolean("additionalProperties", false);
        var required = section.Fields.Where(field => field.IsRequired).Select(field => field.Name)
            .Concat(inner.Where(part => part.IsRequired).Select(part => part.Name)).ToList();
        if (required.Count > 0)
        {
            WriteWords(json, "required", required);
        }

        json.WriteStartObject("properties");
        foreach (var field in section.Fields)
        {
            json.WriteStartObject(field.Name);
            json.WriteString("description", field.DefaultText is { } text ? $"{field.Description} Default: {text}." : field.Description);
            field.WriteSchema(json);
            json.WriteEndObject();
        }

        foreach (var part in inner)
        {
            json.WriteStartObject(part.Name);
            WriteObject(json, part, []);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>What <see cref="RecipeRules"/> says, in "either … or …", since draft 7 validators differ in what else they know.</summary>
    private static void WriteRules(Utf8JsonWriter json)
    {
        var (calibrate, kv, awq, convert) =
            (RecipeSchema.Calibrate.Name, RecipeSchema.KvQparams.Name, RecipeSchema.AutoAwq.Name, RecipeSchema.Convert.Name);
        json.WriteStartArray("allOf");
        WriteEither(json, $"{kv} needs {calibrate}.", () => WriteLacks(json, kv), () => WriteHas(json, calibrate));
        WriteEither(json, $"{awq} needs {calibrate}.", () => WriteLacks(json, awq), () => WriteHas(json, calibrate));
        WriteEither(
            json, $"{calibrate} needs a step that reads its statistics.",
            () => WriteLacks(json, calibrate), () => WriteHas(json, kv), () => WriteHas(json, awq));
        WriteEither(
            json, $"With {awq} the weights are int4, and {ConvertFields.WeightType.Path} stays auto.",
            () => WriteLacks(json, awq), () => WriteWeightType(json, convert, WeightType.Auto));
        WriteEither(
            json, "The engine reads an int8 KV cache with float16 or int4 weights only.",
            () => WriteLacks(json, kv), () => WriteWeightType(json, convert, WeightType.Auto, WeightType.Float16));
        json.WriteEndArray();
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
