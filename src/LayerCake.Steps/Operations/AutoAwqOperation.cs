using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Quantization;

namespace LayerCake.Steps;

/// <summary>auto_awq, as a step of a recipe and as a command.</summary>
public static class AutoAwqOperation
{
    /// <summary>Writes an AWQ checkpoint: all its files or none.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="statisticsFolder">Holds <c>inputs_stats.pth</c>, LayerCake's or the original's.</param>
    /// <param name="outputFolder">Where the checkpoint goes; may be the folder of the statistics, never the model's own.</param>
    /// <param name="options">Bits and group size.</param>
    /// <param name="format">safetensors, or the original's torch archives.</param>
    /// <param name="scanWeights">Whether to look for NaN and infinities in all weights first.</param>
    /// <param name="parts">Where finished layers are kept for a run that goes on after an interruption; null to keep none.</param>
    /// <param name="reporter">Gets the original's lines and the progress.</param>
    /// <param name="token">Stops it; nothing stays behind.</param>
    public static AwqResult Run(
        HuggingFaceFolder model,
        string statisticsFolder,
        string outputFolder,
        AwqOptions options,
        WeightFormat format,
        bool scanWeights,
        ILayerParts? parts,
        IBuildReporter reporter,
        CancellationToken token)
    {
        var request = new AwqRequest
        {
            Model = model,
            InputAbsMax = StatisticsFiles.ReadInputAbsMax(statisticsFolder),
            OutputFolder = outputFolder,
            Options = options,
            Format = format,
            ScanWeights = scanWeights,
            Parts = parts,
        };
        return AwqQuantizer.Run(
            request,
            progress =>
            {
                reporter.Line(progress.Line);
                reporter.Progress("layers", progress.LayersDone, progress.LayerCount);
            },
            token);
    }
}
