using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;

namespace LayerCake.Calibration;

/// <summary>
/// Runs a model over calibration samples, layer by layer, and gathers the statistics that LMDeploy's calibrate gathers: of the inputs of every linear,
/// the outputs of every norm and linear, and the cached keys and values.
/// </summary>
public static class Calibrator
{
    /// <summary>
    /// Names what decides the bits of a result besides model and samples; for cache keys. Loads no native code. On the CPU the kernels are our own and give
    /// the same bits on every machine; on a GPU libtorch's are used, whose sums depend on its release and the GPU.
    /// </summary>
    public static string Numerics(DeviceKind device) => device == DeviceKind.Cpu ? "cpu-1" : $"cuda-2, libtorch {LibTorch.Version}";

    /// <summary>Calibrates. The result depends on model, samples and device kind only, not on threads or memory.</summary>
    /// <exception cref="CalibrationException">Samples that do not fit the model, or activations that leave float16's range.</exception>
    /// <exception cref="ModelException">The weights do not fit the configuration, or are not finite in float16.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The weights cannot be read.</exception>
    /// <exception cref="TorchException">libtorch or the device cannot be used.</exception>
    public static CalibrationStatistics Run(CalibrationRequest request, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckSamples(request);
        ModelLayout.Check(request.Weights, request.Configuration);
        var device = TorchDevices.ResolveKind(request.Device);
        var statistics = CalibrationStatistics.For(request.Configuration);
        if (device == DeviceKind.Cpu)
        {
            new CpuCalibration(request, statistics, progress).Run(cancellation);
        }
        else
        {
            new CudaCalibration(request, statistics, progress).Run(TorchDevices.Resolve("cuda"), cancellation);
        }

        return statistics;
    }

    private static void CheckSamples(CalibrationRequest request)
    {
        var (samples, vocabulary) = (request.Samples, request.Configuration.VocabularySize);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Threads);
        if (samples.Count == 0 || samples[0].Length == 0)
        {
            throw new CalibrationException("There is nothing to calibrate with: no samples, or samples without tokens.");
        }

        for (var i = 0; i < samples.Count; i++)
        {
            if (samples[i].Length != samples[0].Length)
            {
                throw new CalibrationException($"Sample {i} has {samples[i].Length} tokens, sample 0 has {samples[0].Length}; all must have one length.");
            }

            var wrong = Array.FindIndex(samples[i], id => id < 0 || id >= vocabulary);
            if (wrong >= 0)
            {
                throw new CalibrationException(
                    $"Sample {i} has token id {samples[i][wrong]} at position {wrong}, but the model's vocabulary (vocab_size) is {vocabulary}: " +
                    "the tokenizer is not this model's.");
            }
        }
    }
}
