using System.Text.Json;

namespace LayerCake.Provenance;

/// <summary>
/// Reads JSON from outside. A name that is there twice is refused: two programs could each see another value of it.
/// </summary>
internal static class ForeignJson
{
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <exception cref="ProvenanceException">The bytes are no JSON object.</exception>
    public static JsonElement Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, s_strict);
            var root = document.RootElement;
            CheckText(root);
            return root.ValueKind == JsonValueKind.Object ? root.Clone() : throw new ProvenanceException($"{what} is not a JSON object");
        }
        catch (JsonException exception)
        {
            throw new ProvenanceException($"{what} is not valid JSON ({PackagePath.Printable(exception.Message)}): it was cut off or changed", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new ProvenanceException($"{what} is not valid JSON: it holds a text that is not valid Unicode", exception);
        }
    }

    public static JsonElement Member(this JsonElement element, string name, JsonValueKind kind, string what) =>
        element.Optional(name, kind, what) ?? throw new ProvenanceException($"{what} has no '{name}'");

    public static JsonElement? Optional(this JsonElement element, string name, JsonValueKind kind, string what)
    {
        if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == kind ? value : throw new ProvenanceException($"{what}: '{name}' is {value.ValueKind}, not {kind}");
    }

    public static string Text(this JsonElement element, string name, string what) => element.Member(name, JsonValueKind.String, what).GetString()!;

    public static string? OptionalText(this JsonElement element, string name, string what) =>
        element.Optional(name, JsonValueKind.String, what)?.GetString();

    public static JsonElement Object(this JsonElement element, string name, string what) => element.Member(name, JsonValueKind.Object, what);

    public static JsonElement.ArrayEnumerator List(this JsonElement element, string name, string what) =>
        element.Member(name, JsonValueKind.Array, what).EnumerateArray();

    /// <summary>Refuses texts that are no text (a lone <c>\ud800</c>): reading or comparing one later would throw.</summary>
    private static void CheckText(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    CheckText(member.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CheckText(item);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
