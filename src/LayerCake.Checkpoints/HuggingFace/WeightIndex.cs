using System.Text.Json;

namespace LayerCake.Checkpoints;

/// <summary>A <c>*.index.json</c>: which shard holds which tensor.</summary>
/// <param name="Path">The index file.</param>
/// <param name="FileOfTensor">Tensor name to plain file name, in the index's order.</param>
internal sealed record WeightIndex(string Path, IReadOnlyDictionary<string, string> FileOfTensor)
{
    /// <summary>The shards the index names, sorted by name.</summary>
    public IReadOnlyList<string> FileNames { get; } = [.. FileOfTensor.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public static WeightIndex Read(string path)
    {
        using var document = JsonFile.Read(path);
        if (!document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException($"{path} has no object 'weight_map', which tells the shard of each tensor. Download it again.");
        }

        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in map.EnumerateObject())
        {
            var name = JsonFile.Name(property, path);
            var file = JsonFile.TextOrNull(property.Value)
                ?? throw new CheckpointException($"{path}: the weight_map gives tensor '{name}' no file name. Download the index again.");
            if (!IsPlainName(file))
            {
                throw new CheckpointException($"{path}: the weight_map places tensor '{name}' in '{file}'. Shards must lie beside the index: a name without folders that does not begin with a dot.");
            }

            if (!files.TryAdd(name, file))
            {
                throw new CheckpointException($"{path}: the weight_map names tensor '{name}' twice. Download the index again.");
            }
        }

        return files.Count > 0 ? new WeightIndex(path, files) : throw new CheckpointException($"{path}: the weight_map is empty. Download the index again.");
    }

    /// <summary>Checks the opened shards against what the index claims of them.</summary>
    public void RequireClaims(ShardedTensorSource weights)
    {
        foreach (var (name, file) in FileOfTensor)
        {
            var found = weights.ShardOf(name) is { } shard ? System.IO.Path.GetFileName(shard.Path) : null;
            if (found != file)
            {
                var where = found is null ? "no shard has it" : $"it is in {found}";
                throw new CheckpointException(
                    $"{Path} places tensor '{name}' in {file}, but {where}. Index and shards do not belong together, or a shard was replaced; download the model again.");
            }
        }
    }

    private static bool IsPlainName(string file) =>
        file.Length > 0 && file[0] != '.' && file.AsSpan().IndexOfAny("/\\:\0") < 0;
}
