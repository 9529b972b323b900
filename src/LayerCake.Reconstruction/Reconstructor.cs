using System.Runtime.Intrinsics;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Quantization.Awq;
using LayerCake.Torch;
using TorchSharp;

namespace LayerCake.Reconstruction;

/// <summary>
/// Turns a float model into an int4 checkpoint of the same format as <see cref="AwqQuantizer"/>'s with less error: layer by layer, each on what the quantized layers
/// before it give. Zero points are whole numbers from 0 to 15, codes are clamp(round(w / s) + z, 0, 15), scales are float16.
/// </summary>
public static class Reconstructor
{
    /// <summary>
    /// Names what decides the bits of a result besides model, samples and settings; for cache keys. Loads no native code. On the processor the kernels are our own and give
    /// the same bits on every machine; on a GPU sums depend on libtorch's release and the GPU. Rounding to nearest is done on the processor always. Learning is libtorch's everywhere: on
    /// the processor its sums depend on libtorch's release and on how many lanes vectors have.
    /// </summary>
    public static string Numerics(ReconstructionMethod method, DeviceKind device) => method switch
    {
        ReconstructionMethod.Learned when device == DeviceKind.Cpu => $"cpu-2, libtorch {LibTorch.Version}, {(Vector512.IsHardwareAccelerated ? 512 : 256)}-bit vectors",
        ReconstructionMethod.Rtn => "cpu-1",
        _ => device == DeviceKind.Cpu ? "cpu-1" : $"cuda-1, libtorch {LibTorch.Version}",
    };

    /// <summary>Refuses, from configuration and headers alone, what <see cref="Run"/> would refuse later (but for the weights' values and the folder).</summary>
    /// <exception cref="QuantizationException">Options do not fit the model.</exception>
    /// <exception cref="ReconstructionException">Samples are missing, do not fit the model, or do not fit the budget.</exception>
    /// <exception cref="ModelException">The checkpoint does not fit its configuration.</exception>
    public static void Check(ReconstructionRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var configuration = ModelConfiguration.Read(request.Model);
        request.Options.Validate(configuration);
        ModelLayout.Check(request.Model.Weights, configuration);
        var settings = SettingsOf(request);
        CheckSamples(request, configuration, settings);
        if (request.MemoryBudget is not null && TorchDevices.ResolveKind(request.Device) == DeviceKind.Cpu)
        {
            var tokens = request.Samples.Count > 0 ? request.Samples[0].Length : 0;
            var used = ReconstructionMemory.SamplesUsed(settings, configuration, request.Samples.Count, tokens);
            ReconstructionMemory.BatchWithin(request.MemoryBudget, configuration, settings, used, tokens, threads: 1);
        }
    }

    /// <summary>Writes the quantized checkpoint. The output folder gets all files or none.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="progress">Called on the calling thread with a line for every layer.</param>
    /// <param name="cancellation">Stops between layers and parts of them; nothing stays behind.</param>
    /// <exception cref="QuantizationException">The request or the weights cannot be quantized.</exception>
    /// <exception cref="ReconstructionException">As <see cref="Check"/>.</exception>
    /// <exception cref="ModelException">The checkpoint does not fit its configuration.</exception>
    /// <exception cref="Checkpoints.CheckpointException">A file cannot be read or written.</exception>
    public static AwqResult Run(ReconstructionRequest request, Action<AwqProgress>? progress = null, CancellationToken cancellation = default)
    {
        Check(request);
        var configuration = ModelConfiguration.Read(request.Model);
        var awq = new AwqRequest
        {
            Model = request.Model,
            InputAbsMax = new Dictionary<string, Half[]>(),
            OutputFolder = request.OutputFolder,
            Options = request.Options,
            Format = request.Format,
        };
        var threads = request.Threads > 0 ? request.Threads : Environment.ProcessorCount;
        using var folder = AwqFolder.Open(awq);
        if (request.ScanWeights)
        {
            WeightScan.Run(request.Model.Weights, configuration, threads, cancellation);
        }

        var tensors = AwqLayout.Tensors(configuration, request.Options.GroupSize);
        var errors = new List<LinearError>();
        var sensitivities = new List<Sensitivity>();
        using (var files = new WeightFiles(folder.Staging, request.Format, tensors, request.MaxShardBytes))
        {
            using var parts = new AwqParts(request.Parts, configuration, files, tensors);
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
            using var output = new CheckpointOutput(request.Model.Weights, configuration, request.Options.GroupSize, files, parts, options);
            RunLayers(request, configuration, parts, output, errors, sensitivities, options, progress);
            output.CopyRest(cancellation);
            files.Complete();
        }

        AwqConfigurationFile.Write(Path.Combine(folder.Staging, "config.json"), request.Model.Config);
        folder.CopySideFiles(request.Model);
        return new AwqResult
        {
            Files = folder.Publish(),
            TensorBytes = tensors.Sum(tensor => tensor.ByteCount),
            Linears = errors,
            Sensitivities = sensitivities,
        };
    }

    private static void RunLayers(
        ReconstructionRequest request,
        ModelConfiguration configuration,
        AwqParts parts,
        CheckpointOutput output,
        List<LinearError> errors,
        List<Sensitivity> sensitivities,
        ParallelOptions options,
        Action<AwqProgress>? progress)
    {
        using var run = Open(request, configuration, options);
        var stateParts = new StateParts(request.Parts, run.States.Sum(state => state.ByteCount));
        var finished = stateParts.Restore(configuration.LayerCount, parts.Has, run.States, out var known);
        sensitivities.AddRange(known);
        errors.AddRange(parts.Restore(finished, options.CancellationToken).OrderBy(pair => pair.Key).SelectMany(pair => pair.Value));
        for (var first = finished; first < configuration.LayerCount; first += run.LayersAtOnce)
        {
            var results = run.Run(first, line => progress?.Invoke(new AwqProgress(line, first, configuration.LayerCount)));
            var lines = new List<AwqProgress>();
            foreach (var result in results)
            {
                using (result)
                {
                    var layer = first + lines.Count;
                    errors.AddRange(output.Write(layer, result));
                    sensitivities.AddRange(result.Sensitivities);
                    var line = $"{ModelFamily.Of(configuration).Layer(layer)} quantized with {NameOf(request.Method)}{(run.Remark is { } remark ? ", " + remark : "")}.";
                    lines.Add(new AwqProgress(line, layer + 1, configuration.LayerCount));
                }
            }

            stateParts.Keep(first + results.Count - 1, run.States, sensitivities);
            lines.ForEach(line => progress?.Invoke(line));
        }
    }

    private static ILayerRun Open(ReconstructionRequest request, ModelConfiguration configuration, ParallelOptions options)
    {
        var settings = SettingsOf(request);
        var tokens = request.Samples.Count > 0 ? request.Samples[0].Length : 0;
        var used = ReconstructionMemory.SamplesUsed(settings, configuration, request.Samples.Count, tokens);
        var samples = request.Samples.Take(used).ToArray();
        return used > 0 && DeviceOf(request) is { } device
            ? new DeviceRun(request, configuration, settings, samples, device, options.CancellationToken)
            : new ProcessorRun(request, configuration, settings, samples, options);
    }

    /// <summary>The device that computes in libtorch; null for the processor with its own code.</summary>
    private static torch.Device? DeviceOf(ReconstructionRequest request) =>
        request.InLibtorch || TorchDevices.ResolveKind(request.Device) == DeviceKind.Cuda ? TorchDevices.Resolve(request.Device) : null;

    /// <summary>As recipes and reports write it.</summary>
    public static string NameOf(ReconstructionMethod method) => method switch
    {
        ReconstructionMethod.Rtn => "rtn",
        ReconstructionMethod.Awq => "awq",
        ReconstructionMethod.Gptq => "gptq",
        _ => "learned",
    };

    private static SolverSettings SettingsOf(ReconstructionRequest request) => MethodSettings.Of(request.Method, request.Effort, request.Options.GroupSize);

    private static void CheckSamples(ReconstructionRequest request, ModelConfiguration configuration, SolverSettings settings)
    {
        var (samples, vocabulary) = (request.Samples, configuration.VocabularySize);
        if (!settings.NeedsActivations)
        {
            return;
        }

        if (samples.Count == 0 || samples[0].Length == 0)
        {
            throw new ReconstructionException($"The method {NameOf(request.Method)} looks at activations and needs calibration samples; there are none. Give a text, or use rtn.");
        }

        for (var i = 0; i < samples.Count; i++)
        {
            if (samples[i].Length != samples[0].Length)
            {
                throw new ReconstructionException($"Sample {i} has {samples[i].Length} tokens, sample 0 has {samples[0].Length}; all must have one length.");
            }

            var wrong = Array.FindIndex(samples[i], id => id < 0 || id >= vocabulary);
            if (wrong >= 0)
            {
                throw new ReconstructionException(
                    $"Sample {i} has token id {samples[i][wrong]} at position {wrong}, but the model's vocabulary (vocab_size) is {vocabulary}: " +
                    "the tokenizer is not this model's.");
            }
        }
    }
}
