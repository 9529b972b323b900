using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Building;

/// <summary>
/// The file form of a <see cref="StepRecord"/>. Reading trusts nothing: the fields must hash to the key, the outputs to the tree's digest, paths must
/// stay in their folder.
/// </summary>
internal static class StepRecordJson
{
    /// <summary>More than any tree needs (some 100 bytes an output); a larger file is not read into memory.</summary>
    public const long MaxBytes = 256L << 20;

    internal static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    // The relaxed encoder leaves + and non-ASCII names readable; the file is never put into a page.
    internal static readonly JsonWriterOptions Readable = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Write(StepRecord record)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Readable))
        {
            json.WriteStartObject();
            json.WriteNumber("format", StoreLayout.Format);
            json.WriteString("key", record.Key.ToString());
            json.WritePropertyName("fields");
            record.Fields.WriteJson(json);
            json.WriteString("tree", record.Tree.Digest.ToString());
            json.WriteStartArray("outputs");
            foreach (var entry in record.Tree.Entries)
            {
                WriteEntry(json, entry);
            }

            json.WriteEndArray();
            json.WriteStartArray("lineage");
            foreach (var step in record.Lineage)
            {
                WriteStep(json, step);
            }

            json.WriteEndArray();
            json.WriteNumber("run_seconds", Math.Round(record.RunTime.TotalSeconds, 3));
            json.WriteString("layercake", record.ProgramVersion);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <exception cref="FormatException">The content is not a whole, consistent record of <paramref name="key"/>; the message says why.</exception>
    public static StepRecord Read(StepKey key, ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content, Strict);
            return Read(key, document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException("it is cut off or not JSON", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or OverflowException)
        {
            // JsonElement's answers to a missing property and to a value of another kind.
            throw new FormatException("a field is missing or of the wrong kind", exception);
        }
    }

    private static StepRecord Read(StepKey key, JsonElement root)
    {
        if (root.GetProperty("format").GetInt32() != StoreLayout.Format)
        {
            throw new FormatException("it has another format");
        }

        var fields = KeyDocument.FromJson(root.GetProperty("fields"));
        if (DigestOf(root, "key") != key.Value || fields.Key != key)
        {
            throw new FormatException("its fields do not hash to its key");
        }

        var entries = new List<TreeEntry>();
        foreach (var output in root.GetProperty("outputs").EnumerateArray())
        {
            entries.Add(ReadEntry(output));
        }

        var tree = StoredTree.Create(entries);
        if (DigestOf(root, "tree") != tree.Digest)
        {
            throw new FormatException("its outputs do not hash to its tree digest");
        }

        var lineage = new List<BuiltStep>();
        foreach (var step in root.GetProperty("lineage").EnumerateArray())
        {
            lineage.Add(ReadStep(step));
        }

        if (lineage.Count == 0 || lineage[^1].Key != key || lineage[^1].Tree != tree.Digest)
        {
            throw new FormatException("its lineage does not end with itself");
        }

        return new StepRecord
        {
            Key = key,
            Fields = fields,
            Tree = tree,
            Lineage = lineage,
            RunTime = TimeSpan.FromSeconds(Math.Clamp(root.GetProperty("run_seconds").GetDouble(), 0, 1e9)),
            ProgramVersion = Printable(root.GetProperty("layercake").GetString() ?? ""),
        };
    }

    internal static void WriteEntry(Utf8JsonWriter json, TreeEntry entry)
    {
        json.WriteStartObject();
        json.WriteString("path", entry.Path.Value);
        switch (entry)
        {
            case TreeEntry.File file:
                json.WriteString("sha256", file.Content.ToString());
                json.WriteNumber("size", file.Size);
                if (file.Executable)
                {
                    json.WriteBoolean("executable", true);
                }

                break;
            case TreeEntry.Link link:
                json.WriteString("link", link.Target);
                break;
            default:
                json.WriteBoolean("folder", true);
                break;
        }

        json.WriteEndObject();
    }

    internal static TreeEntry ReadEntry(JsonElement output)
    {
        var path = RelativePath.Parse(TextOf(output, "path"));
        if (output.TryGetProperty("link", out var target))
        {
            return new TreeEntry.Link(path, target.GetString() ?? "");
        }

        return output.TryGetProperty("folder", out _)
            ? new TreeEntry.Folder(path)
            : new TreeEntry.File(
                path,
                DigestOf(output, "sha256"),
                output.GetProperty("size").GetInt64(),
                output.TryGetProperty("executable", out var executable) && executable.GetBoolean());
    }

    internal static void WriteStep(Utf8JsonWriter json, BuiltStep step)
    {
        json.WriteStartObject();
        json.WriteString("step", step.Name);
        json.WriteNumber("version", step.Version);
        json.WriteString("key", step.Key.ToString());
        json.WriteString("tree", step.Tree.ToString());
        json.WriteStartArray("after");
        foreach (var name in step.After)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartObject("inputs");
        foreach (var (name, digest) in step.Inputs)
        {
            json.WriteString(name, digest.ToString());
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    internal static BuiltStep ReadStep(JsonElement step)
    {
        var after = new List<string>();
        foreach (var name in step.GetProperty("after").EnumerateArray())
        {
            after.Add(Printable(name.GetString() ?? ""));
        }

        var inputs = new List<KeyValuePair<string, Digest>>();
        foreach (var input in step.GetProperty("inputs").EnumerateObject())
        {
            inputs.Add(KeyValuePair.Create(Printable(input.Name), Digest.Parse(input.Value.GetString() ?? "")));
        }

        return new BuiltStep
        {
            Name = Printable(TextOf(step, "step")),
            Version = step.GetProperty("version").GetInt32(),
            Key = new StepKey(DigestOf(step, "key")),
            Tree = DigestOf(step, "tree"),
            After = after,
            Inputs = inputs,
        };
    }

    // These are shown to people, and a record may come from anywhere.
    private static string Printable(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c))
            {
                throw new FormatException("a name in it has a control character");
            }
        }

        return text;
    }

    private static string TextOf(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{name}' is null"));

    private static Digest DigestOf(JsonElement element, string name) => Digest.Parse(TextOf(element, name));
}
