using LayerCake.Building;
using LayerCake.Quantization;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>Scales and zero points of the int8 KV cache from the key and value statistics.</summary>
internal sealed class KvQparamsStep(Recipe recipe, KvQparamsOptions options) : IBuildStep
{
    public string Name => StepNames.KvQparams;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => [StepNames.Calibrate];

    public IReadOnlyList<StepInput> Inputs => [];

    public StepDemand Demand => StepDemand.Light;

    public void AddTo(IKeyWriter key)
    {
        key.AddNested(RecipeSchema.KvQparams.Name, options.AddTo);
        key.AddNested(RecipeSchema.Convert.Name, convert => convert.Add("tensor_parallel", recipe.Convert.TensorParallel.Degree));
    }

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var statistics = context.InputFolder(StepNames.Calibrate);
        KvQparamsOperation.Run(
            statistics,
            context.OutputFolder,
            new KeyValueOptions { Symmetric = options.Symmetric, TensorParallel = recipe.Convert.TensorParallel.Degree },
            context.Reporter.Line);
        return Task.CompletedTask;
    }
}
