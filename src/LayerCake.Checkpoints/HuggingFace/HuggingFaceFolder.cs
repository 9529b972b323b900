using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace LayerCake.Checkpoints;

/// <summary>
/// A model folder as Hugging Face lays it out: config.json, weights in one or many files, tokenizer and side files. AWQ folders (qweight, qzeros, scales)
/// open the same way.
/// <para>
/// Weights are the files an index names (<c>model.safetensors.index.json</c>, <c>pytorch_model.bin.index.json</c>), else all <c>*.safetensors</c>, else
/// <c>pytorch_model*.bin</c>, else other <c>*.bin</c> but those that trainers leave (training_args, optimizer, scheduler, ...). safetensors come before .bin.
/// Every header is read and checked on opening; weights are read when asked for.
/// </para>
/// </summary>
public sealed class HuggingFaceFolder : IDisposable
{
    private readonly ShardedTensorSource _weights;

    private HuggingFaceFolder(string path, JsonElement config, DType? declaredDType, WeightFiles files, ShardedTensorSource weights)
    {
        Path = path;
        Config = config;
        DeclaredDType = declaredDType;
        WeightFiles = files.Paths;
        WeightIndexPath = files.Index?.Path;
        _weights = weights;
        var tokenizer = System.IO.Path.Combine(path, "tokenizer.model");
        TokenizerModelPath = File.Exists(tokenizer) ? tokenizer : null;
        SideFiles = [.. FolderFiles.Of(path).Where(file => System.IO.Path.GetExtension(file) is ".json" or ".py")];
    }

    public string Path { get; }

    /// <summary>The root object of config.json.</summary>
    public JsonElement Config { get; }

    /// <summary>All tensors: shards sorted by name, within a shard the file's order.</summary>
    public ITensorSource Weights => _weights;

    /// <summary>Full paths of the weight files, sorted by name.</summary>
    public IReadOnlyList<string> WeightFiles { get; }

    /// <summary>The index that named the weight files, if one did.</summary>
    public string? WeightIndexPath { get; }

    /// <summary><c>torch_dtype</c> (or <c>dtype</c>, its newer name) of config.json; null when it says nothing or "auto".</summary>
    public DType? DeclaredDType { get; }

    /// <summary><c>architectures[0]</c> of config.json, for example <c>LlamaForCausalLM</c>.</summary>
    /// <exception cref="CheckpointException">config.json names no architecture.</exception>
    public string Architecture => TryGetArchitecture(out var name)
        ? name
        : throw new CheckpointException(
            $"{System.IO.Path.Combine(Path, "config.json")}: 'architectures' must name the model's class, for example [\"LlamaForCausalLM\"]. Take config.json from the original model.");

    /// <summary>Full path of tokenizer.model, if the folder has one.</summary>
    public string? TokenizerModelPath { get; }

    /// <summary>Full paths of the *.json and *.py files directly in the folder, sorted by name.</summary>
    public IReadOnlyList<string> SideFiles { get; }

    /// <exception cref="CheckpointException">The folder, its config.json or its weights are missing, damaged or contradict each other.</exception>
    public static HuggingFaceFolder Open(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new CheckpointException(
                File.Exists(path)
                    ? $"{path} is a file; a model folder with config.json and weights was expected."
                    : $"{path} does not exist; a model folder with config.json and weights was expected. Check the path.");
        }

        var configPath = System.IO.Path.Combine(path, "config.json");
        if (!File.Exists(configPath))
        {
            throw new CheckpointException($"{path} has no config.json, so it is not a model folder. Name the folder that holds config.json and the weights.");
        }

        JsonElement config;
        using (var document = JsonFile.Read(configPath))
        {
            config = document.RootElement.Clone();
        }

        var declared = ReadDeclaredDType(config, configPath);
        var files = Checkpoints.WeightFiles.Find(path);
        var weights = files.Open();
        try
        {
            return new HuggingFaceFolder(path, config, declared, files, weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The weights of a folder that need not be a whole model: no config.json is looked for.</summary>
    /// <exception cref="CheckpointException">There are no weights, or they are damaged.</exception>
    public static ITensorSource OpenWeights(string path) => Directory.Exists(path)
        ? Checkpoints.WeightFiles.Find(path).Open()
        : throw new CheckpointException($"{path} does not exist; a folder with weights was expected. Check the path.");

    public void Dispose() => _weights.Dispose();

    internal IReadOnlyList<ITensorSource> Shards => _weights.Shards;

    internal bool TryGetArchitecture([NotNullWhen(true)] out string? name)
    {
        name = Config.TryGetProperty("architectures", out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? JsonFile.TextOrNull(list[0])
            : null;
        return !string.IsNullOrEmpty(name);
    }

    private static DType? ReadDeclaredDType(JsonElement config, string configPath)
    {
        if (!config.TryGetProperty("torch_dtype", out var value) && !config.TryGetProperty("dtype", out value))
        {
            return null;
        }

        var text = JsonFile.TextOrNull(value);
        if (value.ValueKind == JsonValueKind.Null || text == "auto")
        {
            return null;
        }

        return text is not null && DTypeFacts.TryParseTorch(text, out var dtype)
            ? dtype
            : throw new CheckpointException(
                $"{configPath}: 'torch_dtype' is {value.GetRawText()}; expected a torch dtype such as \"float16\", \"bfloat16\" or \"float32\".");
    }
}
