using System.Collections.Concurrent;
using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Text.Tests;

/// <summary>The three SentencePiece models of the golden data and what the original library makes of texts with them.</summary>
internal static class GoldenTokenizers
{
    private static readonly ConcurrentDictionary<string, SentencePieceTokenizer> Loaded = new();

    internal sealed record Case(string Text, int[] Ids, string Decoded);

    public static IReadOnlyList<string> Names { get; } = ["internlm", "open-llama-3b", "internlm-tiny"];

    public static string PathOf(string name) => name == "internlm-tiny"
        ? Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model")
        : RepositoryFiles.Golden("tokenizers", $"{name}.model");

    public static SentencePieceTokenizer Load(string name) => Loaded.GetOrAdd(name, key => SentencePieceTokenizer.Load(PathOf(key)));

    public static JsonElement Facts(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Golden("tokenizers.json")));
        return document.RootElement.GetProperty(name).Clone();
    }

    public static IReadOnlyList<Case> Cases(string name) =>
        Facts(name).GetProperty("cases").Deserialize<List<Case>>(new JsonSerializerOptions(JsonSerializerDefaults.Web))!;
}
