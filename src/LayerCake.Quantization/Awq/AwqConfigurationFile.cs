using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Quantization.Awq;

/// <summary>The config.json of a quantized checkpoint: the model's own with three values set, in Transformers' style.</summary>
internal static class AwqConfigurationFile
{
    /// <summary>Two spaces, \n, nothing escaped that JSON does not ask for.</summary>
    public static JsonWriterOptions Style { get; } = new()
    {
        Indented = true,
        IndentSize = 2,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // fp16 is meant for Qwen, but the original sets it on every model before it saves the configuration.
    private static readonly Dictionary<string, Action<Utf8JsonWriter>> Set = new(StringComparer.Ordinal)
    {
        ["torch_dtype"] = json => json.WriteStringValue("float16"),
        ["use_cache"] = json => json.WriteBooleanValue(false),
        ["fp16"] = json => json.WriteBooleanValue(true),
    };

    /// <summary>Writes the file; keys are sorted, all other values stay as they are.</summary>
    public static void Write(string path, JsonElement configuration)
    {
        using var stream = File.Create(path);
        using (var json = new Utf8JsonWriter(stream, Style))
        {
            var values = configuration.EnumerateObject().ToDictionary(
                property => property.Name, property => (Action<Utf8JsonWriter>)(writer => WriteSorted(writer, property.Value)), StringComparer.Ordinal);
            foreach (var (name, write) in Set)
            {
                values[name] = write;
            }

            // The newer name of torch_dtype would win over it in newer Transformers.
            if (values.ContainsKey("dtype"))
            {
                values["dtype"] = Set["torch_dtype"];
            }

            json.WriteStartObject();
            foreach (var (name, write) in values.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WritePropertyName(name);
                write(json);
            }

            json.WriteEndObject();
        }

        stream.Write("\n"u8);
    }

    private static void WriteSorted(Utf8JsonWriter json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var property in value.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal))
                {
                    json.WritePropertyName(property.Name);
                    WriteSorted(json, property.Value);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    WriteSorted(json, item);
                }

                json.WriteEndArray();
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }
}
