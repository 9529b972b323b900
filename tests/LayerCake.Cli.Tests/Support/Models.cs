using System.Text.Json.Nodes;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests;

/// <summary>Copies of golden models, for a test to break.</summary>
internal static class Models
{
    public static string DemoTokenizer { get; } = Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model");

    /// <summary>Copies a golden model, and the demo model's tokenizer with it.</summary>
    public static void Copy(string golden, string folder, bool tokenizer = true)
    {
        CopyFolder(RepositoryFiles.Golden(golden, "model"), folder);
        if (tokenizer)
        {
            CopyFile(DemoTokenizer, Path.Combine(folder, "tokenizer.model"));
        }
    }

    public static void CopyFolder(string source, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(source))
        {
            CopyFile(file, Path.Combine(folder, Path.GetFileName(file)));
        }
    }

    /// <summary>A copy that can be changed, whatever the mode of the original.</summary>
    public static void CopyFile(string source, string destination) => File.WriteAllBytes(destination, File.ReadAllBytes(source));

    /// <summary>Changes one field of the model's config.json; null removes it.</summary>
    public static void Configure(string folder, string field, JsonNode? value) => Edit(Path.Combine(folder, "config.json"), root =>
    {
        if (value is null)
        {
            root.Remove(field);
        }
        else
        {
            root[field] = value;
        }
    });

    public static void Edit(string jsonFile, Action<JsonObject> change)
    {
        var root = JsonNode.Parse(File.ReadAllText(jsonFile))!.AsObject();
        change(root);
        File.WriteAllText(jsonFile, root.ToJsonString());
    }

    public static void Truncate(string file, long length)
    {
        using var stream = File.OpenWrite(file);
        stream.SetLength(length);
    }
}
