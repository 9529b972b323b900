using LayerCake.Models;
using LayerCake.TurboMind;

namespace LayerCake.Evaluation;

/// <summary>What config.ini and the scale files of a workspace say, in the words of a checkpoint.</summary>
internal static class WorkspaceModel
{
    /// <summary>The configuration of the model that the engine would run.</summary>
    public static ModelConfiguration ConfigurationOf(EngineConfiguration engine, string source) => new()
    {
        // The engine has one layer for all families; the class only says whether there are biases.
        Architecture = engine.AttentionBias ? ModelFamily.InternLM.Architecture : ModelFamily.Llama.Architecture,
        Source = source,
        HiddenSize = engine.HiddenSize,
        IntermediateSize = engine.IntermediateSize,
        LayerCount = engine.LayerCount,
        HeadCount = engine.HeadCount,
        KeyValueHeadCount = engine.KeyValueHeadCount,
        VocabularySize = engine.VocabularySize,
        RmsNormEpsilon = engine.NormEpsilon.Value,
        RopeTheta = ThetaOf(engine),
        MaxPositionEmbeddings = engine.MaxPositionEmbeddings > 0 ? engine.MaxPositionEmbeddings : 2048,
        HasAttentionBias = engine.AttentionBias,
    };

    /// <summary>The longest window that is computed as the engine does: beyond it dynamic NTK and logN would begin to act.</summary>
    public static int? LongestWindow(EngineConfiguration engine) =>
        engine.RopeScalingFactor >= 1 || engine.UseLogNAttention ? (engine.MaxPositionEmbeddings > 0 ? engine.MaxPositionEmbeddings : 2048) : null;

    /// <summary>Reads <c>layers.N.past_kv_scale.R.weight</c>, [layer][rank].</summary>
    /// <param name="folder">The weights folder, or what kv_qparams wrote.</param>
    /// <param name="layers">How many layers there are.</param>
    /// <param name="ranks">How many ranks.</param>
    /// <exception cref="WorkspaceException">A file is missing, or its content cannot be used.</exception>
    public static IReadOnlyList<KeyValueScale[]> ReadScales(string folder, int layers, int ranks) =>
    [
        .. Enumerable.Range(0, layers).Select(layer =>
            Enumerable.Range(0, ranks).Select(rank => ReadScale(Path.Combine(folder, WeightFile.KeyValueScale(layer, rank)))).ToArray()),
    ];

    /// <summary>Whether a folder has scales at all.</summary>
    public static bool HasScales(string folder) => File.Exists(Path.Combine(folder, WeightFile.KeyValueScale(0, 0)));

    private static KeyValueScale ReadScale(string path)
    {
        var numbers = KeyValueScaleFiles.ReadNumbers(path, "Every layer and rank needs its KV scales");
        return new KeyValueScale(new Int8Range(numbers[0], numbers[1]), new Int8Range(numbers[2], numbers[3]));
    }

    /// <summary>A dynamic NTK factor above 1 stretches short sequences too: theta · f^(d / (d − 2)).</summary>
    private static double ThetaOf(EngineConfiguration engine) => engine.RopeScalingFactor > 1
        ? engine.RopeTheta * Math.Pow(engine.RopeScalingFactor, engine.RotaryEmbedding / (engine.RotaryEmbedding - 2.0))
        : engine.RopeTheta;
}
