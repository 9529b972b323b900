using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Recipes;
using LayerCake.Torch;

namespace LayerCake.Steps;

/// <summary>Runs the model over the calibration text and writes the statistics of its activations.</summary>
internal sealed class CalibrateStep(Recipe recipe, CalibrateOptions options, string modelFolder, IReadOnlyList<StepInput> inputs) : IBuildStep
{
    private readonly string _device = DeviceName(recipe.Execution.Device);

    public string Name => StepNames.Calibrate;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => [];

    public IReadOnlyList<StepInput> Inputs => inputs;

    /// <summary>The device as <see cref="TorchDevices"/> takes it.</summary>
    public static string DeviceName(DeviceChoice device) => device switch
    {
        DeviceChoice.Cpu => "cpu",
        DeviceChoice.Cuda => "cuda",
        _ => "auto",
    };

    /// <summary>What computes: the kernels on the processor, or the libtorch and its kernels on a GPU.</summary>
    public static string NumericsFor(Recipe recipe) => Calibrator.Numerics(TorchDevices.ResolveKind(DeviceName(recipe.Execution.Device)));

    public StepDemand Demand => TorchDevices.ResolveKind(_device) == DeviceKind.Cpu
        ? new StepDemand(MachineUnits.Processor, StepMemory.OfCalibration(modelFolder, options))
        : new StepDemand(MachineUnits.Gpu, StepMemory.OfLayers(modelFolder));

    public void AddTo(IKeyWriter key) => key.AddNested(RecipeSchema.Calibrate.Name, options.AddTo);

    public void AddEnvironmentTo(IKeyWriter key) => key.Add("numerics", NumericsFor(recipe));

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        using var model = HuggingFaceFolder.Open(modelFolder);
        CalibrateOperation.Run(
            new CalibrateOperation
            {
                Model = model,
                TextFile = recipe.ResolveDataset(),
                Samples = options.Samples,
                SequenceLength = options.SequenceLength,
                Seed = options.Seed,
                Device = _device,
                MemoryBudget = recipe.Execution.MemoryBudget?.Bytes,
                ScanWeights = recipe.AutoAwq is not null,
                Parts = new LayerParts(context.Parts),
            },
            context.OutputFolder,
            context.Reporter,
            token);
        return Task.CompletedTask;
    }
}
