using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Text;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>
/// A Hugging Face folder, AWQ or not, as the conversion would write it, but into memory: what runs is what a workspace of it would hold, bit for bit.
/// </summary>
internal sealed class CheckpointFeed : IWeightFeed
{
    private readonly HuggingFaceFolder _folder;
    private readonly ConversionPlan _plan;

    private CheckpointFeed(HuggingFaceFolder folder, ConversionPlan plan, bool isAwq, bool namesModel)
    {
        _folder = folder;
        _plan = plan;
        NamesModel = namesModel;
        Kind = isAwq ? ModelSourceKind.AwqCheckpoint : ModelSourceKind.Checkpoint;
    }

    public ModelSourceKind Kind { get; }

    public EngineConfiguration Configuration => _plan.Configuration;

    public string TokenizerFolder => _folder.Path;

    public bool NamesModel { get; }

    public string? KeyValueScalesFolder => null;

    public IReadOnlyList<string> Warnings => _plan.Warnings;

    /// <exception cref="CheckpointException">The folder is damaged or incomplete.</exception>
    /// <exception cref="WorkspaceException">The model cannot be laid out for the engine.</exception>
    public static CheckpointFeed Open(string path, RuntimeOptions options)
    {
        var folder = HuggingFaceFolder.Open(path);
        try
        {
            var isAwq = folder.Weights.Tensors.Any(tensor => tensor.Name.EndsWith(".qweight", StringComparison.Ordinal));
            var plan = ConversionPlan.Create(
                ConversionSource.From(folder),
                new ConversionOptions
                {
                    ModelName = options.ModelName ?? DefaultName(folder),
                    ModelFormat = isAwq ? "awq" : "hf",
                    WeightType = options.WeightType,
                    GroupSize = isAwq ? GroupSize(folder) : 0,
                    SpecialTokens = SpecialTokens(folder),
                    Workers = options.Threads,
                });
            return new CheckpointFeed(folder, plan, isAwq, options.ModelName is not null);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    public void Feed(IWeightReceiver receiver, CancellationToken cancellation)
    {
        var gate = new Lock();
        _plan.FeedWeights((name, byteCount) => new MemoryOutput(name, byteCount, receiver, gate), cancellation: cancellation);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>A base model's name stands in where none is given: it decides the layout's family and nothing of the numbers.</summary>
    private static string DefaultName(HuggingFaceFolder folder) => folder.Architecture switch
    {
        "InternLMForCausalLM" => "internlm",
        "QWenLMHeadModel" => "qwen-7b",
        "BaiChuanForCausalLM" => "baichuan-7b",
        "BaichuanForCausalLM" => "baichuan2-7b",
        _ => "llama",
    };

    /// <summary>config.json's group size, or what the tensors' shapes say.</summary>
    private static int GroupSize(HuggingFaceFolder folder)
    {
        if (folder.Config.TryGetProperty("quantization_config", out var quantization) && quantization.ValueKind == JsonValueKind.Object)
        {
            foreach (var name in (string[])["group_size", "q_group_size"])
            {
                if (quantization.TryGetProperty(name, out var size) && size.TryGetInt32(out var value) && value > 0)
                {
                    return value;
                }
            }
        }

        var codes = folder.Weights.Tensors.First(tensor => tensor.Name.EndsWith(".qweight", StringComparison.Ordinal));
        return folder.Weights.TryFind(codes.Name[..^"qweight".Length] + "scales", out var scales)
            && codes.Shape.Length == 2 && scales.Shape.Length == 2 && scales.Shape[0] > 0 && codes.Shape[0] % scales.Shape[0] == 0
            ? (int)Math.Min(codes.Shape[0] / scales.Shape[0], int.MaxValue)
            : WorkspaceLimits.Int4GroupSize;
    }

    private static SpecialTokenIds SpecialTokens(HuggingFaceFolder folder)
    {
        if (folder.TokenizerModelPath is not null)
        {
            var tokenizer = Text.TokenizerFolder.Open(folder.Path);
            return new SpecialTokenIds(Math.Max(tokenizer.BosId, 0), Math.Max(tokenizer.EosId, 0));
        }

        return new SpecialTokenIds(Id("bos_token_id", 1), Id("eos_token_id", 2));

        int Id(string name, int otherwise) =>
            folder.Config.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id >= 0 ? id : otherwise;
    }

    /// <summary>A weight file in memory, handed over when it is complete.</summary>
    private sealed class MemoryOutput(string name, long byteCount, IWeightReceiver receiver, Lock gate) : IWeightOutput
    {
        private readonly NativeBuffer _content = new(byteCount);
        private long _written;

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            bytes.CopyTo(_content.Span(offset, bytes.Length));
            Interlocked.Add(ref _written, bytes.Length);
        }

        public void Dispose()
        {
            if (Interlocked.Read(ref _written) != byteCount)
            {
                _content.Dispose();
                return;
            }

            lock (gate)
            {
                receiver.Take(name, _content);
            }
        }
    }
}
