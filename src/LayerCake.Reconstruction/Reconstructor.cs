using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Quantization.Awq;

namespace LayerCake.Reconstruction;

/// <summary>
/// Turns a float model into an int4 checkpoint of the same format as <see cref="AwqQuantizer"/>'s with less error: layer by layer, each on what the quantized layers
/// before it give. Zero points are whole numbers from 0 to 15, codes are clamp(round(w / s) + z, 0, 15), scales are float16.
/// </summary>
public static class Reconstructor
{
    /// <summary>Names what decides the bits of a result besides model, samples and settings; for cache keys.</summary>
    public static string Numerics => "cpu-1";

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
        if (request.MemoryBudget is not null)
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
        var settings = SettingsOf(request);
        var method = NameOf(request.Method);
        var tokens = request.Samples.Count > 0 ? request.Samples[0].Length : 0;
        var used = ReconstructionMemory.SamplesUsed(settings, configuration, request.Samples.Count, tokens);
        var samples = request.Samples.Take(used).ToArray();
        using var states = used > 0 ? HiddenStates.Embed(request.Model.Weights, configuration, samples) : null;
        using var floatStates = used > 0 && settings.FollowsFloatModel ? states!.Clone() : null;
        HiddenStates[] kept = [.. new[] { states, floatStates }.OfType<HiddenStates>()];
        var stateParts = new StateParts(request.Parts, kept.Sum(state => state.ByteCount));
        var finished = stateParts.Restore(configuration.LayerCount, parts.Has, kept, out var known);
        sensitivities.AddRange(known);
        errors.AddRange(parts.Restore(finished, options.CancellationToken).OrderBy(pair => pair.Key).SelectMany(pair => pair.Value));

        var batch = used > 0
            ? ReconstructionMemory.BatchWithin(request.MemoryBudget, configuration, settings, used, tokens, options.MaxDegreeOfParallelism)
            : 0;
        using var run = used > 0 && finished < configuration.LayerCount
            ? new LayerReconstruction(configuration, states!, floatStates, settings, method, batch, options)
            : null;
        for (var layer = finished; layer < configuration.LayerCount; layer++)
        {
            using var original = StagedLayer.Load(request.Model.Weights, configuration, layer, options.CancellationToken);
            using var result = run is not null
                ? run.Run(original, layer)
                : LayerReconstruction.RoundPlainly(original, configuration, layer, settings.GroupSize, options);
            errors.AddRange(output.Write(layer, result));
            sensitivities.AddRange(result.Linears.Values.SelectMany(linear => linear.Sensitivities));
            stateParts.Keep(layer, kept, sensitivities);
            progress?.Invoke(new AwqProgress($"{ModelFamily.Of(configuration).Layer(layer)} quantized with {method}.", layer + 1, configuration.LayerCount));
        }
    }

    /// <summary>As recipes and reports write it.</summary>
    public static string NameOf(ReconstructionMethod method) => method switch
    {
        ReconstructionMethod.Rtn => "rtn",
        ReconstructionMethod.Awq => "awq",
        _ => "gptq",
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
