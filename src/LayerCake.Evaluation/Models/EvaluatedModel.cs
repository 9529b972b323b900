using System.Globalization;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Text;
using LayerCake.TurboMind;

namespace LayerCake.Evaluation;

/// <summary>A folder that can be measured: a source checkpoint, an AWQ checkpoint or a workspace, all seen as float16 tensors under their Hugging Face names.</summary>
public sealed class EvaluatedModel : IDisposable
{
    private EvaluatedModel(string path, ArtifactKind kind, ModelConfiguration configuration, ITensorSource weights, string tokenizerFolder)
    {
        Path = path;
        Kind = kind;
        Configuration = configuration;
        Weights = weights;
        TokenizerFolder = tokenizerFolder;
    }

    /// <summary>The folder as given.</summary>
    public string Path { get; }

    public ArtifactKind Kind { get; }

    public ModelConfiguration Configuration { get; }

    /// <summary>What the weights are kept as: <c>float16</c>, <c>bfloat16</c>, <c>float32</c> or <c>int4</c>.</summary>
    public required string WeightType { get; init; }

    /// <summary>Bytes of the weights on disk.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>[layer][rank]; null where the folder has no scales of an int8 KV cache.</summary>
    public IReadOnlyList<KeyValueScale[]>? KeyValueScales { get; init; }

    /// <summary>Tokens of the longest session, where the folder says so; else the model's longest position.</summary>
    public required int SessionLength { get; init; }

    /// <summary>The longest window that can be measured; null for any.</summary>
    internal int? LongestWindow { get; init; }

    /// <summary>The folder that the tokenizer is in.</summary>
    public string TokenizerFolder { get; }

    internal ITensorSource Weights { get; }

    /// <summary>Opens a folder; headers and sizes are checked, weights are read later.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="scalesFolder">Where the <c>past_kv_scale</c> files are, if not among a workspace's weights; of a checkpoint those of one rank.</param>
    /// <exception cref="EvaluationException">It is none of the three, or what cannot be measured.</exception>
    /// <exception cref="CheckpointException">The checkpoint is damaged or incomplete.</exception>
    /// <exception cref="ModelException">The architecture is not supported, or the weights are not those of the configuration.</exception>
    /// <exception cref="WorkspaceException">The workspace has faults.</exception>
    public static EvaluatedModel Open(string path, string? scalesFolder = null) =>
        WorkspacePaths.IsWorkspace(path) || File.Exists(System.IO.Path.Combine(path, EngineConfigurationFile.FileName))
            ? OpenWorkspace(path, scalesFolder)
            : OpenCheckpoint(path, scalesFolder);

    /// <summary>Refuses two models that are not one and the same before and after.</summary>
    /// <exception cref="EvaluationException">A size differs.</exception>
    public void ThrowIfOther(EvaluatedModel baseline)
    {
        (string Name, int Mine, int Theirs)[] sizes =
        [
            ("layers", Configuration.LayerCount, baseline.Configuration.LayerCount),
            ("hidden size", Configuration.HiddenSize, baseline.Configuration.HiddenSize),
            ("heads", Configuration.HeadCount, baseline.Configuration.HeadCount),
            ("KV heads", Configuration.KeyValueHeadCount, baseline.Configuration.KeyValueHeadCount),
            ("inner size", Configuration.IntermediateSize, baseline.Configuration.IntermediateSize),
            ("vocabulary", Configuration.VocabularySize, baseline.Configuration.VocabularySize),
        ];
        var different = sizes.Where(size => size.Mine != size.Theirs).ToList();
        if (different.Count > 0)
        {
            throw new EvaluationException(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path} is not what became of {baseline.Path}: {string.Join(", ", different.Select(size => $"{size.Mine} instead of {size.Theirs} {size.Name}"))}. Give the model it was made from as the baseline."));
        }
    }

    public void Dispose() => Weights.Dispose();

    private static EvaluatedModel OpenCheckpoint(string path, string? scalesFolder)
    {
        var folder = HuggingFaceFolder.Open(path);
        try
        {
            var configuration = ModelConfiguration.Read(folder);
            var isAwq = AwqTensorSource.IsAwq(folder.Weights);
            ITensorSource weights = isAwq ? new AwqTensorSource(folder.Weights) : folder.Weights;
            ModelLayout.Check(weights, configuration);
            return new EvaluatedModel(path, isAwq ? ArtifactKind.AwqCheckpoint : ArtifactKind.Checkpoint, configuration, weights, path)
            {
                WeightType = isAwq ? "int4" : NameOf(weights.Find(ModelFamily.Of(configuration).Module(0, ModelFamily.Of(configuration).LayerLinears[0]) + ".weight").DType),
                WeightBytes = folder.Weights.Tensors.Sum(tensor => tensor.ByteCount),
                SessionLength = configuration.MaxPositionEmbeddings,
                KeyValueScales = scalesFolder is null ? null : WorkspaceModel.ReadScales(scalesFolder, configuration.LayerCount, ranks: 1),
            };
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    private static EvaluatedModel OpenWorkspace(string path, string? scalesFolder)
    {
        var listing = WorkspaceListing.Read(path);
        listing.ThrowIfFaulty();
        var engine = listing.Configuration;
        var configuration = WorkspaceModel.ConfigurationOf(engine, System.IO.Path.Combine(listing.WeightsPath, EngineConfigurationFile.FileName));
        var scales = scalesFolder ?? listing.WeightsPath;
        var isWorkspace = WorkspacePaths.IsWorkspace(path);
        return new EvaluatedModel(
            path, ArtifactKind.Workspace, configuration, new WorkspaceTensorSource(listing.WeightsPath, engine, configuration), isWorkspace ? WorkspacePaths.Tokenizer(path) : path)
        {
            WeightType = engine.WeightType switch
            {
                TurboMind.WeightType.Int4 => "int4",
                TurboMind.WeightType.BFloat16 => "bfloat16",
                _ => "float16",
            },
            WeightBytes = listing.Entries.Where(entry => !entry.Name.Contains(".past_kv_scale.", StringComparison.Ordinal)).Sum(entry => entry.ByteCount),
            KeyValueScales = scalesFolder is not null || WorkspaceModel.HasScales(scales) ? WorkspaceModel.ReadScales(scales, engine.LayerCount, engine.TensorParallel) : null,
            SessionLength = engine.SessionLength,
            LongestWindow = WorkspaceModel.LongestWindow(engine),
        };
    }

    private static string NameOf(DType dtype) => dtype switch
    {
        DType.BF16 => "bfloat16",
        DType.F32 => "float32",
        _ => "float16",
    };
}
