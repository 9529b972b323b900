using System.Text.Json;

namespace LayerCake.Checkpoints;

/// <summary>JSON files of a model folder, read with errors that name the file.</summary>
internal static class JsonFile
{
    private const long MaxByteCount = 256L << 20;

    /// <summary>Reads a file whose root is an object.</summary>
    public static JsonDocument Read(string path)
    {
        using var file = InputFile.Open(path);
        ForeignContent.Refuse(file, ExpectedContent.Json);
        if (file.Length > MaxByteCount)
        {
            throw new CheckpointException($"{path} has {file.Length} bytes; no model's JSON is larger than {MaxByteCount}.");
        }

        var bytes = file.Head((int)file.Length).AsMemory();
        if (bytes.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            bytes = bytes[3..];
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 64 });
        }
        catch (JsonException exception)
        {
            throw new CheckpointException($"{path} is not JSON: {exception.Message}", exception);
        }

        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            document.Dispose();
            throw new CheckpointException($"{path} holds no JSON object at its root. Download it again.");
        }

        return document;
    }

    /// <summary>The text of a string value; null for other kinds and for strings that are not text (escaped lone surrogates).</summary>
    public static string? TextOrNull(JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public static string Name(JsonProperty property, string path)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw new CheckpointException($"{path}: a name in it is not text. Download it again.", exception);
        }
    }
}
