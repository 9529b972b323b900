using System.Buffers;
using System.Text;
using System.Text.Json;

namespace LayerCake.Building;

/// <summary>The file form of a <see cref="LockRecord"/>: indented JSON, each file of a list on a line of its own, so that a change reads well in a review.</summary>
internal static class LockRecordJson
{
    // A package of a large model has some thousand files, at some 120 bytes a line and three steps.
    private const int MaxBytes = 64 << 20;
    private const int LongestName = 100;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };
    private static readonly JsonWriterOptions OneLine = StepRecordJson.Readable with { Indented = false };

    public static byte[] Write(LockRecord record)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, StepRecordJson.Readable))
        {
            json.WriteStartObject();
            json.WriteNumber("format", LockRecord.Format);
            json.WriteStartArray("variants");
            foreach (var variant in record.Variants)
            {
                Write(json, variant);
            }

            json.WriteEndArray();
            json.WriteStartArray("inputs");
            foreach (var input in record.Inputs)
            {
                Write(json, input);
            }

            json.WriteEndArray();
            json.WriteStartArray("steps");
            foreach (var step in record.Steps)
            {
                Write(json, step);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <exception cref="FormatException">See <see cref="LockRecord.Parse"/>.</exception>
    public static LockRecord Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content, Strict);
            return Read(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException("it is cut off or not JSON", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or OverflowException or ArgumentException)
        {
            // JsonElement's answers to a missing property, to a value of another kind and to a text that is not Unicode.
            throw new FormatException("a field is missing or of the wrong kind", exception);
        }
    }

    /// <exception cref="FormatException">There is more than any record holds.</exception>
    public static byte[] ReadAtMost(Stream stream)
    {
        using var content = new MemoryStream();
        var buffer = new byte[81920];
        for (var count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            content.Write(buffer, 0, count);
            if (content.Length > MaxBytes)
            {
                throw new FormatException("it is too large to be one");
            }
        }

        return content.ToArray();
    }

    private static void Write(Utf8JsonWriter json, LockedVariant variant)
    {
        json.WriteStartObject();
        json.WriteString("name", variant.Name);
        json.WriteString("recipe_sha256", variant.Recipe.Key.ToString());
        json.WritePropertyName("recipe");
        variant.Recipe.WriteJson(json);
        json.WriteStartObject("steps");
        foreach (var (name, key) in variant.Steps)
        {
            json.WriteString(name, key.ToString());
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, LockedInput input)
    {
        json.WriteStartObject();
        json.WriteString("name", input.Name);
        json.WriteString("sha256", input.Digest.ToString());
        json.WriteStartArray("files");
        foreach (var file in input.Files)
        {
            WriteLine(json, new TreeEntry.File(file.Path, file.Content, file.Size, Executable: false));
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, LockedStep step)
    {
        json.WriteStartObject();
        json.WriteString("step", step.Name);
        json.WriteString("key", step.Key.ToString());
        json.WritePropertyName("fields");
        step.Fields.WriteJson(json);
        if (step.Output is { } output)
        {
            json.WriteString("tree", output.Digest.ToString());
            json.WriteNumber("bytes", output.TotalBytes);
            json.WriteStartArray("outputs");
            foreach (var entry in output.Entries)
            {
                WriteLine(json, entry);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteLine(Utf8JsonWriter json, TreeEntry entry)
    {
        // The writer puts no line breaks around raw values.
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write("\n"u8);
        buffer.GetSpan(2 * json.CurrentDepth)[..(2 * json.CurrentDepth)].Fill((byte)' ');
        buffer.Advance(2 * json.CurrentDepth);
        using (var line = new Utf8JsonWriter(buffer, OneLine))
        {
            StepRecordJson.WriteEntry(line, entry);
        }

        json.WriteRawValue(buffer.WrittenSpan, skipInputValidation: true);
    }

    private static LockRecord Read(JsonElement root)
    {
        if (root.GetProperty("format").GetInt32() != LockRecord.Format)
        {
            throw new FormatException("it has another format");
        }

        Only(root, "format", "variants", "inputs", "steps");
        var inputs = root.GetProperty("inputs").EnumerateArray().Select(ReadInput).ToList();
        var steps = root.GetProperty("steps").EnumerateArray().Select(ReadStep).ToList();
        var variants = root.GetProperty("variants").EnumerateArray().Select(ReadVariant).ToList();
        if (variants.Count == 0 || variants.DistinctBy(variant => variant.Name).Count() != variants.Count)
        {
            throw new FormatException("it has no variant, or one twice");
        }

        if (inputs.DistinctBy(input => (input.Name, input.Digest)).Count() != inputs.Count || steps.DistinctBy(step => step.Key).Count() != steps.Count)
        {
            throw new FormatException("an input or a step is in it twice");
        }

        var names = steps.ToDictionary(step => step.Key, step => step.Name);
        var used = variants.SelectMany(variant => variant.Steps).ToList();
        if (used.Any(step => !names.TryGetValue(step.Value, out var name) || name != step.Key) || used.Select(step => step.Value).Distinct().Count() != steps.Count)
        {
            throw new FormatException("the steps of its variants are not the steps that it holds");
        }

        return new LockRecord(variants, inputs, steps);
    }

    private static LockedVariant ReadVariant(JsonElement element)
    {
        Only(element, "name", "recipe_sha256", "recipe", "steps");
        var recipe = KeyDocument.FromJson(element.GetProperty("recipe"));
        if (recipe.Key.Value != DigestOf(element, "recipe_sha256"))
        {
            throw new FormatException("a recipe's values do not hash to its digest");
        }

        var steps = element.GetProperty("steps").EnumerateObject().Select(step => KeyValuePair.Create(Name(step.Name), new StepKey(Parse(step.Value))))
            .OrderBy(step => step.Key, StringComparer.Ordinal).ToList();
        return new LockedVariant(Name(TextOf(element, "name")), recipe, steps);
    }

    private static LockedInput ReadInput(JsonElement element)
    {
        Only(element, "name", "sha256", "files");
        var files = new List<LockedFile>();
        foreach (var item in element.GetProperty("files").EnumerateArray())
        {
            files.Add(StepRecordJson.ReadEntry(item) is TreeEntry.File { Executable: false } file
                ? new LockedFile(file.Path, file.Content, file.Size)
                : throw new FormatException("an input has something that is no file"));
        }

        // The same checks as for an output: no path twice, none below a file, no negative size. They are sorted after it.
        var tree = StoredTree.Create(files.Select(file => new TreeEntry.File(file.Path, file.Content, file.Size, Executable: false)));
        files = [.. tree.Entries.OfType<TreeEntry.File>().Select(file => new LockedFile(file.Path, file.Content, file.Size))];
        var digest = DigestOf(element, "sha256");
        var lines = new StringBuilder();
        foreach (var file in files)
        {
            lines.Append(file.Content.ToString()).Append("  ").Append(file.Path.Value).Append('\n');
        }

        return (files is [var only] && only.Content == digest) || Digest.Of(lines.ToString()) == digest
            ? new LockedInput(Name(TextOf(element, "name")), digest, files)
            : throw new FormatException("an input's files do not hash to its digest");
    }

    private static LockedStep ReadStep(JsonElement element)
    {
        Only(element, "step", "key", "fields", "tree", "bytes", "outputs");
        StoredTree? output = null;
        if (element.TryGetProperty("outputs", out var outputs))
        {
            output = StoredTree.Create(outputs.EnumerateArray().Select(StepRecordJson.ReadEntry).ToList());
            if (output.Digest != DigestOf(element, "tree") || output.TotalBytes != element.GetProperty("bytes").GetInt64())
            {
                throw new FormatException("a step's outputs do not hash to its tree digest");
            }
        }

        else if (element.TryGetProperty("tree", out _) || element.TryGetProperty("bytes", out _))
        {
            throw new FormatException("a step's outputs are missing");
        }

        var step = new LockedStep(Name(TextOf(element, "step")), KeyDocument.FromJson(element.GetProperty("fields")), output);
        return step.Key.Value == DigestOf(element, "key") ? step : throw new FormatException("a step's fields do not hash to its key");
    }

    private static void Only(JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (var property in element.EnumerateObject())
        {
            if (!names.Contains(property.Name))
            {
                throw new FormatException("it has a field that is unknown here");
            }
        }
    }

    /// <summary>A name as recipes, steps and inputs have them; whatever prints it need not look.</summary>
    private static string Name(string text)
    {
        var plain = text.Length is > 0 and <= LongestName;
        foreach (var c in text)
        {
            plain &= char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';
        }

        return plain ? text : throw new FormatException("a name has characters that no name has");
    }

    private static string TextOf(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException("a field is null");

    private static Digest DigestOf(JsonElement element, string name) => Parse(element.GetProperty(name));

    private static Digest Parse(JsonElement element) =>
        Digest.TryParse(element.GetString(), out var digest) ? digest : throw new FormatException("a digest is not 64 lower-case hexadecimal digits");
}
