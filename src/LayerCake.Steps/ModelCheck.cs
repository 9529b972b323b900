using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>Everything that can be known to go wrong with a recipe and its model before anything runs, from headers alone.</summary>
internal static class ModelCheck
{
    /// <summary>The model's sizes as the workspace format sees them.</summary>
    public static ModelDimensions DimensionsOf(ModelConfiguration configuration) => new()
    {
        LayerCount = configuration.LayerCount,
        HiddenSize = configuration.HiddenSize,
        HeadCount = configuration.HeadCount,
        KeyValueHeadCount = configuration.KeyValueHeadCount,
        IntermediateSize = configuration.IntermediateSize,
        VocabularySize = configuration.VocabularySize,
    };

    /// <summary>Refuses a model that a later step of the recipe could not carry.</summary>
    public static void Run(Recipe recipe, HuggingFaceFolder model, ModelConfiguration configuration)
    {
        ModelLayout.Check(model.Weights, configuration);
        if (recipe.AutoAwq is { } awq)
        {
            AwqOptionsOf(awq).Validate(configuration);
        }

        WorkspaceLimits.Check(
            DimensionsOf(configuration),
            WeightTypeOf(recipe, model),
            recipe.Convert.TensorParallel.Degree,
            recipe.AutoAwq?.GroupSize.Value ?? 0,
            recipe.KvQparams is not null);
        if (model.TokenizerModelPath is null)
        {
            throw new Text.TokenizerException(
                $"{model.Path}: no tokenizer found. The SentencePiece model {Text.TokenizerFolder.ModelFileName} is looked for: download it from the model's repository into the folder.");
        }
    }

    public static AwqOptions AwqOptionsOf(AutoAwqOptions options) => new() { Bits = options.Bits.Value, GroupSize = options.GroupSize.Value };

    /// <summary>What convert will write: int4 after auto_awq, else what the recipe or the checkpoint says.</summary>
    private static TurboMind.WeightType WeightTypeOf(Recipe recipe, HuggingFaceFolder model) => (recipe.AutoAwq, recipe.Convert.WeightType) switch
    {
        (not null, _) => TurboMind.WeightType.Int4,
        (_, Recipes.WeightType.BFloat16) => TurboMind.WeightType.BFloat16,
        (_, Recipes.WeightType.Auto) when model.DeclaredDType == DType.BF16 => TurboMind.WeightType.BFloat16,
        _ => TurboMind.WeightType.Float16,
    };
}
