using LayerCake.Building;
using LayerCake.Evaluation;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>
/// Measures what the package will hold against the source model: convert's weights, and with kv_qparams its scales too. It comes before package, so that
/// what loses too much is never packaged, and what is packaged carries its figures, under its checksums and its signature.
/// </summary>
internal sealed class EvaluateStep(Recipe recipe, EvaluateOptions options, string modelFolder, IReadOnlyList<StepInput> inputs) : IBuildStep
{
    public string Name => StepNames.Evaluate;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => recipe.KvQparams is null ? [StepNames.Convert] : [StepNames.Convert, StepNames.KvQparams];

    public IReadOnlyList<StepInput> Inputs => inputs;

    public StepDemand Demand => new(MachineUnits.Processor, StepMemory.OfEvaluation(modelFolder, options));

    public void AddTo(IKeyWriter key) => key.AddNested(RecipeSchema.Evaluate.Name, options.AddMeasurementTo);

    public void AddEnvironmentTo(IKeyWriter key) => key.Add("numerics", Evaluator.Numerics);

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var text = recipe.ResolveEvaluationText();
        if (recipe.Calibrate is not null && text == recipe.ResolveDataset())
        {
            context.Reporter.Warn("evaluate.dataset is the text of calibrate: quantization was fitted to it, so its figures are too good; use another text");
        }

        using var source = EvaluatedModel.Open(modelFolder);
        using var result = EvaluatedModel.Open(context.InputFolder(StepNames.Convert), recipe.KvQparams is null ? null : context.InputFolder(StepNames.KvQparams));
        var report = EvaluateOperation.Run(
            [new EvaluationVariant("source", source), .. EvaluateOperation.VariantsOf(result, result.WeightType)],
            text,
            options.Window,
            options.Windows > 0 ? options.Windows : null,
            threads: 0,
            context.Reporter,
            token);
        EvaluateOperation.Write(report, context.OutputFolder, "Evaluation");
        return Task.CompletedTask;
    }
}
