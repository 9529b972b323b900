using LayerCake.Models;
using LayerCake.Quantization.Awq;

namespace LayerCake.Quantization;

/// <summary>
/// Turns a float model and the statistics of its calibration into an int4 checkpoint: activation-aware smoothing with the fixed exponent ½,
/// then rounding in groups and packing, as LMDeploy v0.1.0 does on the CPU.
/// </summary>
public static class AwqQuantizer
{
    /// <summary>
    /// Refuses, from configuration, headers and statistics alone, what <see cref="Run"/> would refuse later (but for the weights' values and the folder).
    /// </summary>
    /// <exception cref="QuantizationException">Options or statistics do not fit the model.</exception>
    /// <exception cref="ModelException">The checkpoint does not fit its configuration.</exception>
    public static void Check(AwqRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var configuration = ModelConfiguration.Read(request.Model);
        request.Options.Validate(configuration);
        ModelLayout.Check(request.Model.Weights, configuration);
        InputStatistics.Check(request.InputAbsMax, configuration);
    }

    /// <summary>
    /// Writes the quantized checkpoint. Memory stays below the float16 size of one layer plus its packed form: blocks of a layer are read while the one before
    /// is computed. The output folder gets all files or none.
    /// </summary>
    /// <param name="request">What to do.</param>
    /// <param name="progress">Called on the calling thread with each line the original prints.</param>
    /// <param name="cancellation">Stops between row blocks; nothing stays behind.</param>
    /// <exception cref="QuantizationException">The request, the statistics or the weights cannot be quantized.</exception>
    /// <exception cref="ModelException">The checkpoint does not fit its configuration.</exception>
    /// <exception cref="Checkpoints.CheckpointException">A file cannot be read or written.</exception>
    public static AwqResult Run(AwqRequest request, Action<AwqProgress>? progress = null, CancellationToken cancellation = default)
    {
        Check(request);
        var configuration = ModelConfiguration.Read(request.Model);
        var threads = request.Threads > 0 ? request.Threads : Environment.ProcessorCount;
        using var folder = AwqFolder.Open(request);
        if (request.ScanWeights)
        {
            WeightScan.Run(request.Model.Weights, configuration, threads, cancellation);
        }

        var tensors = AwqLayout.Tensors(configuration, request.Options.GroupSize);
        IReadOnlyList<LinearError> errors;
        using (var files = new WeightFiles(folder.Staging, request.Format, tensors, request.MaxShardBytes))
        {
            using var pipeline = new AwqPipeline(request, configuration, files, tensors, threads, progress, cancellation);
            errors = pipeline.Run();
            files.Complete();
        }

        AwqConfigurationFile.Write(Path.Combine(folder.Staging, "config.json"), request.Model.Config);
        folder.CopySideFiles(request.Model);
        return new AwqResult
        {
            Files = folder.Publish(),
            TensorBytes = tensors.Sum(tensor => tensor.ByteCount),
            Linears = errors,
        };
    }
}
