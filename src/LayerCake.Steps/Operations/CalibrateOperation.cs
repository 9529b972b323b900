using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;

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
        var device = TorchDevices.ResolveKind(operation.Device);
        var request = new CalibrationRequest
        {
            Configuration = configuration,
            Weights = operation.Model.Weights,
            Samples = samples,
            Device = operation.Device,
            MemoryBudget = operation.MemoryBudget,
            Parts = operation.Parts,
        };
        var progress = new CalibrationReport(reporter, (long)samples.Length * operation.SequenceLength, device);
        StatisticsFiles.Write(outputFolder, operation.ScanWeights ? RunScanned(request, device, progress, token) : Calibrator.Run(request, progress, token));
        progress.Summarize();
    }

    /// <summary>Calibrates and looks through all weights: before, on a processor that both need; meanwhile, on one that a GPU leaves idle.</summary>
    private static CalibrationStatistics RunScanned(CalibrationRequest request, DeviceKind device, CalibrationReport progress, CancellationToken token)
    {
        if (device == DeviceKind.Cpu)
        {
            WeightScan.Run(request.Weights, request.Configuration, 0, token);
            return Calibrator.Run(request, progress, token);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        var scan = Task.Run(
            () =>
            {
                try
                {
                    WeightScan.Run(request.Weights, request.Configuration, 0, stop.Token);
                }
                catch (QuantizationException)
                {
                    stop.Cancel();
                    throw;
                }
            },
            CancellationToken.None);
        try
        {
            var statistics = Calibrator.Run(request, progress, stop.Token);
            scan.GetAwaiter().GetResult();
            return statistics;
        }
        catch
        {
            // What the scan finds is the cause, whatever came of it first: it names the first weight of the model, and where in it.
            ((IAsyncResult)scan).AsyncWaitHandle.WaitOne();
            if (scan.Exception?.InnerException is QuantizationException fault)
            {
                throw fault;
            }

            throw;
        }
    }
}
