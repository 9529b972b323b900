using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>One way in which a model can be broken, and what the commands say of it.</summary>
/// <param name="Name">What is wrong.</param>
/// <param name="Golden">Which golden model is copied.</param>
/// <param name="Break">Breaks the copy; gets its folder.</param>
/// <param name="Message">The whole text of every command, <c>{model}</c> for the folder as the command was given it.</param>
internal sealed record BrokenModel(string Name, string Golden, Action<string> Break, string Message)
{
    private const string Sharded = "llama-sharded-bf16";
    private const string Index = "pytorch_model.bin.index.json";
    private const string FirstShard = "pytorch_model-00001-of-00002.bin";
    private const string SecondShard = "pytorch_model-00002-of-00002.bin";
    private const string Weights = "model.safetensors";

    /// <summary>The text of <c>convert</c>, where the engine's rules speak first.</summary>
    public string? ConvertMessage { get; init; }

    /// <summary>Whether the weights alone are sound, so that inspect lists the folder.</summary>
    public bool IsListed { get; init; }

    public static IReadOnlyList<BrokenModel> All { get; } =
    [
        new(
            "a missing shard",
            Sharded,
            model => File.Delete(Path.Combine(model, SecondShard)),
            "{model} lacks 1 of the 2 shards that pytorch_model.bin.index.json names: pytorch_model-00002-of-00002.bin. Download it."),
        new(
            "a truncated torch shard",
            Sharded,
            model => Models.Truncate(Path.Combine(model, SecondShard), 500_000),
            "{model}/pytorch_model-00002-of-00002.bin has no zip directory at its end, so it is not a whole torch checkpoint: it was cut off, or is something else. Download or copy it again."),
        new(
            "truncated safetensors",
            "internlm",
            model => Models.Truncate(Path.Combine(model, Weights), 1_941_968),
            "{model}/model.safetensors: tensor 'model.layers.1.self_attn.v_proj.weight' ends at byte 1939456 of the data, but only 1938968 are there. The file was cut off; download or copy it again."),
        new(
            "an index that names an absent tensor",
            Sharded,
            model => Models.Edit(Path.Combine(model, Index), root => root["weight_map"]!["model.layers.9.nothing.weight"] = FirstShard),
            "{model}/pytorch_model.bin.index.json places tensor 'model.layers.9.nothing.weight' in pytorch_model-00001-of-00002.bin, but no shard has it. Index and shards do not belong together, or a shard was replaced; download the model again."),
        new(
            "a header length beyond the file",
            "internlm",
            model => WriteHeaderLength(Path.Combine(model, Weights), 10_000_000),
            "{model}/model.safetensors: its header has 10000000 bytes but only 1942960 follow. The file was cut off or is not safetensors; download it again."),
        new(
            "a pickle with a forbidden global",
            Sharded,
            WriteForbiddenPickle,
            "{model}/pytorch_model.bin: its pickle names the Python global 'posix.system'. Loading it in Python would import and could run that code, so the file is refused; only tensors, dictionaries, lists, numbers and texts are read. If you trust its origin, save the bare state dict again with torch.save, or get the model as safetensors."),
        new(
            "a Git LFS pointer",
            "internlm",
            model => File.WriteAllText(
                Path.Combine(model, Weights), $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 1942968\n"),
            "{model}/model.safetensors is a Git LFS pointer, not the file itself. Run 'git lfs pull' in the model's folder, or download the file itself."),
        new(
            "a web page",
            "internlm",
            model => File.WriteAllText(Path.Combine(model, Weights), "<!DOCTYPE html>\n<html><body>Sign in to go on</body></html>\n"),
            "{model}/model.safetensors is a web page (HTML), not a model file: probably an error or login page that was saved under this name. Download the file again, with the access it needs."),
        new(
            "a config.json without a field",
            "internlm",
            model => Models.Configure(model, "num_hidden_layers", null),
            "{model}/config.json: field 'num_hidden_layers' is missing. The file is not the config.json of a complete checkpoint.")
        {
            ConvertMessage = "{model}/config.json has no field \"num_hidden_layers\", so it is not the config.json of a complete model; download it again",
            IsListed = true,
        },
        new(
            "an unknown architecture",
            "internlm",
            model => Models.Configure(model, "architectures", new System.Text.Json.Nodes.JsonArray("MixtralForCausalLM")),
            "{model}/config.json: architecture 'MixtralForCausalLM' is not supported. Supported are: InternLMForCausalLM, LlamaForCausalLM.")
        {
            ConvertMessage = "{model}/config.json: architecture MixtralForCausalLM is not supported. Supported: InternLMForCausalLM, LlamaForCausalLM, LLaMAForCausalLM",
            IsListed = true,
        },
        new(
            "no config.json",
            "internlm",
            model => File.Delete(Path.Combine(model, "config.json")),
            "{model} has no config.json, so it is not a model folder. Name the folder that holds config.json and the weights.")
        {
            IsListed = true,
        },
    ];

    /// <summary>What NUnit shows as the test's argument.</summary>
    public override string ToString() => Name;

    private static void WriteHeaderLength(string file, long length)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        using var stream = File.OpenWrite(file);
        stream.Write(bytes);
    }

    /// <summary>What runs <c>true</c> in a shell when Python loads it.</summary>
    private static void WriteForbiddenPickle(string model)
    {
        foreach (var name in new[] { Index, FirstShard, SecondShard })
        {
            File.Delete(Path.Combine(model, name));
        }

        using var archive = new ZipArchive(File.Create(Path.Combine(model, "pytorch_model.bin")), ZipArchiveMode.Create);
        Add(archive, "archive/data.pkl", "\u0080\u0002cposix\nsystem\nX\u0004\0\0\0true\u0085R.");
        Add(archive, "archive/version", "3\n");
    }

    private static void Add(ZipArchive archive, string name, string latin1)
    {
        using var stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(Encoding.Latin1.GetBytes(latin1));
    }
}
