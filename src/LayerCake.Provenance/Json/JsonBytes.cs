using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>The JSON files of a package: the same content gives the same bytes on every system.</summary>
internal static class JsonBytes
{
    private static readonly JsonWriterOptions s_indented = new() { Indented = true, NewLine = "\n" };

    /// <summary>One object, written for people, with a line feed at its end.</summary>
    public static byte[] Indented(Action<Utf8JsonWriter> content)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, s_indented))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>One object without white space.</summary>
    public static byte[] Compact(Action<Utf8JsonWriter> content)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    public static void WriteObject(this Utf8JsonWriter json, string name, Action content)
    {
        json.WriteStartObject(name);
        content();
        json.WriteEndObject();
    }

    public static void WriteArray(this Utf8JsonWriter json, string name, Action content)
    {
        json.WriteStartArray(name);
        content();
        json.WriteEndArray();
    }

    public static void WriteItem(this Utf8JsonWriter json, Action content)
    {
        json.WriteStartObject();
        content();
        json.WriteEndObject();
    }
}
