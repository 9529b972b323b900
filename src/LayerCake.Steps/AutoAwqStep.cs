using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Quantization;
using LayerCake.Recipes;
using LayerCake.Reconstruction;
using LayerCake.Torch;

namespace LayerCake.Steps;

/// <summary>
/// 4-bit quantization of the weights. LMDeploy's method smooths with the statistics of calibrate; the others take the same samples through the model
/// themselves, layer by layer.
/// </summary>
internal sealed class AutoAwqStep(Recipe recipe, AutoAwqOptions options, string modelFolder, IReadOnlyList<StepInput> inputs) : IBuildStep
{
    public string Name => StepNames.AutoAwq;

    public int Version => 4;

    public IReadOnlyList<string> DependsOn => options.ReadsStatistics() ? [StepNames.Calibrate] : [];

    public IReadOnlyList<StepInput> Inputs => inputs;

    public StepDemand Demand => (options.ReadsStatistics(), ModelCheck.ComputesOnGpu(recipe, options)) switch
    {
        (true, _) => new StepDemand(MachineUnits.Processor, StepMemory.OfLayers(modelFolder)),
        (_, true) => new StepDemand(MachineUnits.Gpu, StepMemory.OfReconstructionOnGpu(modelFolder, options, recipe.Calibrate)),
        _ => new StepDemand(MachineUnits.Processor, StepMemory.OfReconstruction(modelFolder, options, recipe.Calibrate)),
    };

    private DeviceKind Device => TorchDevices.ResolveKind(CalibrateStep.DeviceName(recipe.Execution.Device));

    public void AddTo(IKeyWriter key)
    {
        key.AddNested(RecipeSchema.AutoAwq.Name, options.AddTo);
        if (options.ReadsSamples())
        {
            key.AddNested(RecipeSchema.Calibrate.Name, recipe.Calibrate!.AddTo);
        }
    }

    public void AddEnvironmentTo(IKeyWriter key)
    {
        if (!options.ReadsStatistics())
        {
            key.Add("numerics", Reconstructor.Numerics(ModelCheck.MethodOf(options), options.ReadsSamples() ? Device : DeviceKind.Cpu));
        }
    }

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        using var model = HuggingFaceFolder.Open(modelFolder);
        var format = options.Format == Recipes.CheckpointFormat.Bin ? WeightFormat.Torch : WeightFormat.Safetensors;
        var result = options.ReadsStatistics()
            ? AutoAwqOperation.Run(
                model,
                context.InputFolder(StepNames.Calibrate),
                context.OutputFolder,
                ModelCheck.AwqOptionsOf(options),
                format,
                scanWeights: false, // calibrate has scanned the same files
                new LayerParts(context.Parts),
                context.Reporter,
                token)
            : ReconstructOperation.Run(
                new ReconstructOperation
                {
                    Model = model,
                    Samples = options.ReadsSamples() ? SamplesOf(recipe.Calibrate!) : null,
                    Method = ModelCheck.MethodOf(options),
                    Effort = ModelCheck.EffortOf(options),
                    Options = ModelCheck.AwqOptionsOf(options),
                    Format = format,
                    Device = CalibrateStep.DeviceName(recipe.Execution.Device),
                    MemoryBudget = recipe.Execution.MemoryBudget?.Bytes,
                    Parts = new LayerParts(context.Parts),
                },
                context.OutputFolder,
                context.Reporter,
                token);
        WeightErrorFile.Write(context.OutputFolder, result.Linears);
        if (result.Sensitivities.Count > 0)
        {
            SensitivityFile.Write(context.OutputFolder, result.Sensitivities);
        }

        return Task.CompletedTask;
    }

    private CalibrationWindows SamplesOf(CalibrateOptions calibrate) => new()
    {
        TextFile = recipe.ResolveDataset(),
        Samples = calibrate.Samples,
        SequenceLength = calibrate.SequenceLength,
        Seed = calibrate.Seed,
    };
}
