using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;

namespace LayerCake.Steps;

/// <summary>calibrate, as a step of a recipe and as a command: what is calibrated, with what, on what.</summary>
public sealed record CalibrateOperation
{
    public required HuggingFaceFolder Model { get; init; }

    /// <summary>A .txt file, or a .jsonl file with a <c>text</c> field a line.</summary>
    public required string TextFile { get; init; }

    public required int Samples { get; init; }

    /// <summary>Tokens of a sample.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>Seed of Python's generator. The original always takes 0.</summary>
    public uint Seed { get; init; }

    /// <summary><c>auto</c>, <c>cpu</c> or <c>cuda</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Most bytes of memory to use; null for no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Whether to look for NaN and infinities in all weights first, since a later step could not quantize them.</summary>
    public bool ScanWeights { get; init; }

    /// <summary>Where finished layers are kept for a run that goes on after an interruption; null to keep none.</summary>
    public ILayerParts? Parts { get; init; }

    /// <summary>Writes the four statistics files into a folder, which is made (and so known to be writable) before anything long runs.</summary>
    public static void Run(CalibrateOperation operation, string outputFolder, IBuildReporter reporter, CancellationToken token)
    {
        var configuration = ModelConfiguration.Read(operation.Model);
        ModelLayout.Check(operation.Model.Weights, configuration);
        var samples = new CalibrationWindows
        {
            TextFile = operation.TextFile,
            Samples = operation.Samples,
            SequenceLength = operation.SequenceLength,
            Seed = operation.Seed,
        }.Draw(operation.Model.Path, reporter);
        if (operation.ScanWeights)
        {
            WeightScan.Run(operation.Model.Weights, configuration, 0, token);
        }

        var statistics = Calibrator.Run(
            new CalibrationRequest
            {
                Configuration = configuration,
                Weights = operation.Model.Weights,
                Samples = samples,
                Device = operation.Device,
                MemoryBudget = operation.MemoryBudget,
                Parts = operation.Parts,
            },
            new LayerProgress(reporter),
            token);
        StatisticsFiles.Write(outputFolder, statistics);
    }

    /// <summary>Passes on, on the reporting thread, the line of a finished layer and how many samples of all layers are done.</summary>
    private sealed class LayerProgress(IBuildReporter reporter) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value)
        {
            reporter.Progress("samples", ((long)value.Layer * value.SampleCount) + value.SamplesDone, (long)value.LayerCount * value.SampleCount);
            if (value.CompletedLine is { } line)
            {
                reporter.Line(line);
            }
        }
    }
}
