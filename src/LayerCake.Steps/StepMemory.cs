using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Recipes;
using LayerCake.Reconstruction;

namespace LayerCake.Steps;

/// <summary>Bytes of memory that a step plans for, from the model's configuration; 0 where that cannot be read (the step itself will say why).</summary>
internal static class StepMemory
{
    /// <summary>calibrate on the CPU.</summary>
    public static long OfCalibration(string modelFolder, CalibrateOptions options) => Of(
        modelFolder, configuration => CalibrationMemory.PeakOnCpu(configuration, options.Samples, options.SequenceLength, Environment.ProcessorCount));

    /// <summary>A step that has a float16 layer, the next one and a packed one in memory.</summary>
    public static long OfLayers(string modelFolder) => Of(
        modelFolder, configuration => 3 * ModelFamily.Of(configuration).Linears(configuration).Sum(linear => 2L * linear.OutputSize * linear.InputSize));

    /// <summary>auto_awq with a method that looks at activations, or rtn.</summary>
    public static long OfReconstruction(string modelFolder, AutoAwqOptions options, CalibrateOptions? calibrate) => Of(
        modelFolder, configuration => ReconstructionMemory.Peak(
            configuration, ModelCheck.MethodOf(options), ModelCheck.EffortOf(options), calibrate?.Samples ?? 0, calibrate?.SequenceLength ?? 0, Environment.ProcessorCount));

    /// <summary>The same on a GPU: host memory.</summary>
    public static long OfReconstructionOnGpu(string modelFolder, AutoAwqOptions options, CalibrateOptions? calibrate) => Of(
        modelFolder, configuration => ReconstructionMemory.HostBesideGpu(
            configuration, ModelCheck.MethodOf(options), ModelCheck.EffortOf(options), calibrate?.Samples ?? 0, calibrate?.SequenceLength ?? 0));

    /// <summary>evaluate: a layer of the model and of what became of it, the hidden states of all variants, and both heads.</summary>
    public static long OfEvaluation(string modelFolder, EvaluateOptions options) => Of(
        modelFolder, configuration => EvaluationMemory.Peak(configuration, options.Window, options.Windows, variants: 3, Environment.ProcessorCount));

    private static long Of(string modelFolder, Func<ModelConfiguration, long> bytes)
    {
        try
        {
            using var model = HuggingFaceFolder.Open(modelFolder);
            return bytes(ModelConfiguration.Read(model));
        }
        catch (Exception exception) when (exception is CheckpointException or ModelException)
        {
            return 0;
        }
    }
}
