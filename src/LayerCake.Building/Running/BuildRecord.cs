using System.Text.Json;

namespace LayerCake.Building;

/// <summary>
/// The content of <c>build.json</c>: what a package was made of and by what. The same build gives the same bytes: no times, no names of hosts or users, no
/// absolute paths.
/// </summary>
public sealed record BuildRecord
{
    public required string RecipeName { get; init; }

    /// <summary>
    /// The effective recipe, every default filled in. The step that writes the record must have the same fields in its key, or the record of a cached package
    /// shows a recipe that it was not made from.
    /// </summary>
    public required KeyDocument Recipe { get; init; }

    /// <summary>Versions of what took part, by name: <c>layercake</c>, <c>libtorch</c>, <c>engine</c>.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The steps before, from <see cref="StepContext.Lineage"/>.</summary>
    public required IReadOnlyList<BuiltStep> Steps { get; init; }

    /// <summary>The files of the package, from <see cref="OutputsOf"/>.</summary>
    public required IReadOnlyList<TreeEntry.File> Outputs { get; init; }

    /// <summary>The symbolic links of the package, sorted by path; they have no digest, so that their targets must be noted.</summary>
    public IReadOnlyList<TreeEntry.Link> Links { get; init; } = [];

    /// <summary>The files below a folder with digests and sizes, sorted by path; links are left out.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="known">Digests of files that need not be read: those taken over from an earlier step.</param>
    /// <param name="token">Ends the reading.</param>
    public static IReadOnlyList<TreeEntry.File> OutputsOf(string folder, IReadOnlyDictionary<RelativePath, Digest> known, CancellationToken token)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        var paths = new List<RelativePath>();
        foreach (var path in Directory.EnumerateFiles(folder, "*", options))
        {
            paths.Add(RelativePath.Parse(Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/')));
        }

        paths.Sort();
        var files = new TreeEntry.File[paths.Count];
        Work.ForEach(Enumerable.Range(0, files.Length).ToArray(), token, i =>
        {
            var path = paths[i].Below(folder);
            var executable = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;
            var digest = known.TryGetValue(paths[i], out var given) ? given : FileHasher.Hash(path, null, token);
            files[i] = new TreeEntry.File(paths[i], digest, new FileInfo(path).Length, executable);
        });
        return files;
    }

    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, StepRecordJson.Readable))
        {
            json.WriteStartObject();
            json.WriteNumber("format", 1);
            json.WriteStartObject("recipe");
            json.WriteString("name", RecipeName);
            json.WriteString("sha256", Recipe.Key.ToString());
            json.WritePropertyName("fields");
            Recipe.WriteJson(json);
            json.WriteEndObject();
            json.WriteStartObject("versions");
            foreach (var (name, version) in new SortedDictionary<string, string>(new Dictionary<string, string>(Versions), StringComparer.Ordinal))
            {
                json.WriteString(name, version);
            }

            json.WriteEndObject();
            json.WriteStartArray("steps");
            foreach (var step in Steps)
            {
                StepRecordJson.WriteStep(json, step);
            }

            json.WriteEndArray();
            json.WriteStartArray("outputs");
            foreach (var file in Outputs)
            {
                StepRecordJson.WriteEntry(json, file);
            }

            json.WriteEndArray();
            json.WriteStartArray("links");
            foreach (var link in Links)
            {
                StepRecordJson.WriteEntry(json, link);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }
}
