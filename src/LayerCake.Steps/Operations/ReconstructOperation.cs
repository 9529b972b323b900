using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Quantization;
using LayerCake.Reconstruction;

namespace LayerCake.Steps;

/// <summary>Quantizing with a method that looks at activations, or with none of them: what is quantized, how, with what.</summary>
public sealed record ReconstructOperation
{
    public required HuggingFaceFolder Model { get; init; }

    /// <summary>What the model is run over; null for rtn, which does not run it.</summary>
    public CalibrationWindows? Samples { get; init; }

    public required ReconstructionMethod Method { get; init; }

    public required ReconstructionEffort Effort { get; init; }

    /// <summary>Bits and group size.</summary>
    public AwqOptions Options { get; init; } = new();

    public WeightFormat Format { get; init; } = WeightFormat.Safetensors;

    /// <summary>auto, cpu or cuda: where activations are computed and linears solved.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Most bytes of memory to use; null for no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Where finished layers are kept for a run that goes on after an interruption; null to keep none.</summary>
    public ILayerParts? Parts { get; init; }

    /// <summary>Writes an AWQ checkpoint: all its files or none.</summary>
    public static AwqResult Run(ReconstructOperation operation, string outputFolder, IBuildReporter reporter, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(operation);
        ArgumentNullException.ThrowIfNull(reporter);
        return Reconstructor.Run(
            new ReconstructionRequest
            {
                Model = operation.Model,
                Samples = operation.Samples?.Draw(operation.Model.Path, reporter) ?? [],
                Method = operation.Method,
                Effort = operation.Effort,
                OutputFolder = outputFolder,
                Options = operation.Options,
                Format = operation.Format,
                Device = operation.Device,
                MemoryBudget = operation.MemoryBudget,
                Parts = operation.Parts,
            },
            progress =>
            {
                reporter.Line(progress.Line);
                reporter.Progress("layers", progress.LayersDone, progress.LayerCount);
            },
            token);
    }
}
