using System.Text.Json;

namespace LayerCake.TurboMind;

/// <summary>Fields of a JSON object from outside, each with its own message when it is not what it should be. JSON null counts as absent.</summary>
internal sealed class JsonFields
{
    private readonly JsonElement _root;
    private readonly string _path;

    public JsonFields(JsonElement root, string path)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new WorkspaceException($"{path} is not a JSON object");
        }

        _root = root;
        _path = path;
    }

    public int Integer(string name, int least, int most) => OptionalInteger(name, least, most) ?? throw Missing(name);

    public int? OptionalInteger(string name, int least, int most) => Find(name) is not { } element
        ? null
        : element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) && value >= least && value <= most
            ? value
            : throw Fault(name, element, $"an integer from {least} to {most}");

    public PythonNumber Number(string name) => OptionalNumber(name) ?? throw Missing(name);

    public PythonNumber? OptionalNumber(string name) => Find(name) is not { } element
        ? null
        : element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var value) && double.IsFinite(value) && value >= 0
            ? PythonNumber.From(element)
            : throw Fault(name, element, "a number of at least 0");

    public string? OptionalText(string name) => Find(name) is not { } element
        ? null
        : element.ValueKind == JsonValueKind.String ? element.GetString() : throw Fault(name, element, "a string");

    public bool? OptionalBoolean(string name) => Find(name) is not { } element
        ? null
        : element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.GetBoolean() : throw Fault(name, element, "true or false");

    /// <summary>The text of an object that has members; null when absent or empty.</summary>
    public string? OptionalObjectText(string name) => Find(name) is not { } element
        ? null
        : element.ValueKind == JsonValueKind.Object
            ? element.EnumerateObject().Any() ? Shown(element) : null
            : throw Fault(name, element, "an object");

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out var element) && element.ValueKind != JsonValueKind.Null ? element : null;

    private static string Shown(JsonElement element)
    {
        var text = element.GetRawText().ReplaceLineEndings(" ");
        return text.Length <= 120 ? text : text[..120] + "…";
    }

    private WorkspaceException Missing(string name) => new($"{_path} has no field \"{name}\", so it is not the config.json of a complete model; download it again");

    private WorkspaceException Fault(string name, JsonElement element, string expected) =>
        new($"{_path}: field \"{name}\" is {Shown(element)}, not {expected}");
}
