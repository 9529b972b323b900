using System.Text.Json;

namespace LayerCake.Building;

/// <summary>Reads <c>build.json</c> of a package that may come from anywhere.</summary>
public static class BuildRecordReader
{
    /// <summary>More than any package needs (some 100 bytes a file); a larger file is not read into memory.</summary>
    public const long MaxBytes = 64L << 20;

    /// <summary>The record in a file. Members that this version does not know are passed over.</summary>
    /// <exception cref="FormatException">It is no build record, or one of another format; the message says why.</exception>
    public static BuildRecord Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content, StepRecordJson.Strict);
            return Read(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException("it is cut off or not JSON", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or OverflowException)
        {
            throw new FormatException("a field is missing or of the wrong kind", exception);
        }
    }

    private static BuildRecord Read(JsonElement root)
    {
        if (root.GetProperty("format").GetInt32() != 1)
        {
            throw new FormatException("it has another format");
        }

        var recipe = root.GetProperty("recipe");
        var versions = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var version in root.GetProperty("versions").EnumerateObject())
        {
            versions[version.Name] = version.Value.GetString() ?? "";
        }

        var steps = new List<BuiltStep>();
        foreach (var step in root.GetProperty("steps").EnumerateArray())
        {
            steps.Add(StepRecordJson.ReadStep(step));
        }

        var outputs = new List<TreeEntry.File>();
        var paths = new HashSet<RelativePath>();
        foreach (var output in root.GetProperty("outputs").EnumerateArray())
        {
            var file = StepRecordJson.ReadEntry(output) as TreeEntry.File ?? throw new FormatException("an output is no file");
            outputs.Add(paths.Add(file.Path) ? file : throw new FormatException($"the output '{file.Path}' is there twice"));
        }

        var links = new List<TreeEntry.Link>();
        if (root.TryGetProperty("links", out var listed))
        {
            foreach (var link in listed.EnumerateArray())
            {
                links.Add(StepRecordJson.ReadEntry(link) as TreeEntry.Link ?? throw new FormatException("a link is none"));
            }
        }

        return new BuildRecord
        {
            RecipeName = recipe.GetProperty("name").GetString() ?? "",
            Recipe = KeyDocument.FromJson(recipe.GetProperty("fields")),
            Versions = versions,
            Steps = steps,
            Outputs = outputs,
            Links = links,
        };
    }
}
