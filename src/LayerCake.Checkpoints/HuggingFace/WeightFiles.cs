using System.Collections.Immutable;

namespace LayerCake.Checkpoints;

/// <summary>Which files of a model folder are its weights.</summary>
/// <param name="Folder">The folder they lie in.</param>
/// <param name="Paths">Full paths, sorted by name.</param>
/// <param name="Index">The index that named them, if one did.</param>
internal sealed record WeightFiles(string Folder, ImmutableArray<string> Paths, WeightIndex? Index)
{
    public const string SafetensorsIndexName = "model.safetensors.index.json";
    public const string TorchIndexName = "pytorch_model.bin.index.json";

    /// <summary>What trainers and converters leave beside the weights under the same extension.</summary>
    private static readonly ImmutableArray<string> NotWeights =
        ["training_args", "optimizer", "scheduler", "scaler", "random_states", "rng_state", "trainer_state", "adapter_model", "tokenizer"];

    /// <summary>Chooses the weight files of <paramref name="folder"/>; the rules are those of <see cref="HuggingFaceFolder"/>.</summary>
    public static WeightFiles Find(string folder)
    {
        var safetensors = Named(folder, ".safetensors");
        var torch = Named(folder, ".bin");
        if (!safetensors.IsEmpty || torch.IsEmpty)
        {
            if (IndexAt(folder, SafetensorsIndexName) is { } index)
            {
                return Indexed(folder, index, "model.safetensors");
            }

            if (!safetensors.IsEmpty)
            {
                return new WeightFiles(folder, safetensors, null);
            }
        }

        if (IndexAt(folder, TorchIndexName) is { } torchIndex)
        {
            return Indexed(folder, torchIndex, "pytorch_model.bin");
        }

        var standard = torch.Where(file => Path.GetFileName(file).StartsWith("pytorch_model", StringComparison.Ordinal)).ToImmutableArray();
        var chosen = standard.IsEmpty ? torch : standard;
        return chosen.IsEmpty ? throw NoWeights(folder) : new WeightFiles(folder, chosen, null);
    }

    /// <summary>The weight files that the index at <paramref name="indexPath"/> names.</summary>
    public static WeightFiles Of(string indexPath) => Indexed(Path.GetDirectoryName(Path.GetFullPath(indexPath))!, WeightIndex.Read(indexPath), singleName: null);

    /// <summary>Opens all of them and checks them against the index.</summary>
    public ShardedTensorSource Open()
    {
        var shards = new List<ITensorSource>(Paths.Length);
        try
        {
            foreach (var path in Paths)
            {
                shards.Add(path.EndsWith(".safetensors", StringComparison.Ordinal) ? SafetensorsFile.Open(path) : TorchArchive.Open(path));
            }
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }

        var weights = new ShardedTensorSource(Folder, shards);
        try
        {
            Index?.RequireClaims(weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }

        return weights;
    }

    private static WeightFiles Indexed(string folder, WeightIndex index, string? singleName)
    {
        if (singleName is not null && !index.FileNames.Contains(singleName) && File.Exists(Path.Combine(folder, singleName)))
        {
            throw new CheckpointException(
                $"{folder} has {singleName} and {Path.GetFileName(index.Path)}, which names other files. Remove whichever does not belong to the model.");
        }

        var paths = index.FileNames.Select(name => Path.Combine(folder, name)).ToImmutableArray();
        var missing = paths.Where(path => !File.Exists(path)).Select(path => Path.GetFileName(path)).ToList();
        if (missing.Count > 0)
        {
            throw new CheckpointException(
                $"{folder} lacks {missing.Count} of the {paths.Length} shards that {Path.GetFileName(index.Path)} names: {string.Join(", ", missing.Take(5))}{(missing.Count > 5 ? ", ..." : "")}. Download {(missing.Count == 1 ? "it" : "them")}.");
        }

        return new WeightFiles(folder, paths, index);
    }

    private static WeightIndex? IndexAt(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? WeightIndex.Read(path) : null;
    }

    private static ImmutableArray<string> Named(string folder, string extension) =>
        [.. FolderFiles.Of(folder)
            .Where(file => Path.GetExtension(file) == extension)
            .Where(file => !NotWeights.Any(name => Path.GetFileName(file).StartsWith(name, StringComparison.Ordinal)))];

    private static CheckpointException NoWeights(string folder)
    {
        var names = FolderFiles.Of(folder).Select(path => Path.GetFileName(path)).ToList();
        var other = names.FirstOrDefault(name => Path.GetExtension(name) is ".pth" or ".pt" or ".gguf" or ".h5" or ".msgpack" or ".onnx");
        var hint = names.Any(name => name.StartsWith("adapter_model", StringComparison.Ordinal))
            ? "It holds an adapter (LoRA): merge it into its base model and name the folder of the merged model."
            : other is null
                ? "Download the weights, too."
                : $"It has {other}, which is another format: get or convert the model to the Hugging Face format.";
        return new CheckpointException($"{folder} has no weights (*.safetensors or pytorch_model*.bin). {hint}");
    }
}
