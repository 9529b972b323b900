using LayerCake.Building;
using LayerCake.Checkpoints;

namespace LayerCake.Steps;

/// <summary>
/// Which files of a model folder a step reads. Only they are in its key, so that a changed README beside the weights changes nothing.
/// </summary>
internal static class ModelFiles
{
    /// <summary>The weights, their index and config.json.</summary>
    public static StepInput Weights(HuggingFaceFolder model) => Of("model", model, [.. model.WeightFiles, model.WeightIndexPath, ConfigurationOf(model)]);

    /// <summary>The SentencePiece model and the JSON files that say what is put around a text.</summary>
    public static StepInput Tokenizer(HuggingFaceFolder model) => Of(
        "tokenizer",
        model,
        [
            model.TokenizerModelPath,
            .. model.SideFiles.Where(file => Path.GetFileName(file) is "tokenizer_config.json" or "special_tokens_map.json" or "added_tokens.json"),
        ]);

    /// <summary>Everything that travels into a workspace: configuration, tokenizer, remote code.</summary>
    public static StepInput SideFiles(HuggingFaceFolder model) => Of("model_files", model, [model.TokenizerModelPath, .. model.SideFiles]);

    private static StepInput Of(string name, HuggingFaceFolder model, IEnumerable<string?> files)
    {
        var names = files.OfType<string>().Select(file => Path.GetFileName(file)).ToHashSet(StringComparer.Ordinal);
        return StepInput.Folder(name, model.Path, path => names.Contains(path.Value));
    }

    private static string ConfigurationOf(HuggingFaceFolder model) => Path.Combine(model.Path, "config.json");
}
