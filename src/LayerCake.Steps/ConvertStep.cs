using LayerCake.Building;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>The workspace without KV scales: weights in the engine's layout, config.ini, tokenizer, templates.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="modelFolder">Full path of the float model.</param>
/// <param name="shownDestination">Where the workspace goes in the end, as the printed lines call it.</param>
/// <param name="inputs">The float model's files, where the recipe does not quantize them first.</param>
internal sealed class ConvertStep(Recipe recipe, string modelFolder, string shownDestination, IReadOnlyList<StepInput> inputs) : IBuildStep
{
    public string Name => StepNames.Convert;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => recipe.AutoAwq is null ? [] : [StepNames.AutoAwq];

    public IReadOnlyList<StepInput> Inputs => inputs;

    public void AddTo(IKeyWriter key)
    {
        key.AddNested(RecipeSchema.Model.Name, recipe.Model.AddTo);
        key.AddNested(RecipeSchema.Convert.Name, recipe.Convert.AddTo);
        if (recipe.AutoAwq is { } awq)
        {
            // Written into config.ini; the codes themselves come with auto_awq's key.
            key.AddNested(RecipeSchema.AutoAwq.Name, group => group.Add("group_size", awq.GroupSize.Value));
        }
    }

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var operation = new ConvertOperation
        {
            ModelName = recipe.Model.Name,
            ModelPath = recipe.AutoAwq is null ? modelFolder : context.InputFolder(StepNames.AutoAwq),
            // The step works on folders of the store; the lines speak of what the user knows.
            ShownModelPath = recipe.AutoAwq is null ? recipe.Model.Source.Text : $"{StepNames.AutoAwq}:{recipe.Name}",
            ModelFormat = recipe.AutoAwq is null ? null : "awq",
            TensorParallel = recipe.Convert.TensorParallel.Degree,
            GroupSize = recipe.AutoAwq?.GroupSize.Value ?? 0,
            WeightType = recipe.Convert.WeightType switch
            {
                Recipes.WeightType.Float16 => TurboMind.WeightType.Float16,
                Recipes.WeightType.BFloat16 => TurboMind.WeightType.BFloat16,
                _ => null,
            },
        };
        operation.Write(context.OutputFolder, shownDestination, context.Reporter, token);
        return Task.CompletedTask;
    }
}
