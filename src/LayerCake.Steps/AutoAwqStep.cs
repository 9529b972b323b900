using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Quantization;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>Smoothing and 4-bit quantization of the weights with the input statistics.</summary>
internal sealed class AutoAwqStep(AutoAwqOptions options, string modelFolder, IReadOnlyList<StepInput> inputs) : IBuildStep
{
    public string Name => StepNames.AutoAwq;

    public int Version => 2;

    public IReadOnlyList<string> DependsOn => [StepNames.Calibrate];

    public IReadOnlyList<StepInput> Inputs => inputs;

    public StepDemand Demand => new(MachineUnits.Processor, StepMemory.OfLayers(modelFolder));

    public void AddTo(IKeyWriter key) => key.AddNested(RecipeSchema.AutoAwq.Name, options.AddTo);

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        using var model = HuggingFaceFolder.Open(modelFolder);
        var result = AutoAwqOperation.Run(
            model,
            context.InputFolder(StepNames.Calibrate),
            context.OutputFolder,
            ModelCheck.AwqOptionsOf(options),
            options.Format == Recipes.CheckpointFormat.Bin ? WeightFormat.Torch : WeightFormat.Safetensors,
            scanWeights: false, // calibrate has scanned the same files
            new LayerParts(context.Parts),
            context.Reporter,
            token);
        WeightErrorFile.Write(context.OutputFolder, result.Linears);
        return Task.CompletedTask;
    }
}
