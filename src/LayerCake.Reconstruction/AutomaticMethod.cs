using LayerCake.Models;
using LayerCake.Torch;

namespace LayerCake.Reconstruction;

/// <summary>Which method the best that fits the effort is: from the model's sizes and the kind of device alone, so that keys do not depend on how fast a machine is.</summary>
public static class AutomaticMethod
{
    /// <summary>Weights that two cores learn in about ten minutes with the effort best.</summary>
    public const long MostWeightsOnProcessor = 1L << 23;

    /// <summary>learned with the effort best, on a GPU always and on the processor for models whose layers' linears have at most 2²³ weights; else gptq.</summary>
    public static ReconstructionMethod Of(ModelConfiguration configuration, ReconstructionEffort effort, DeviceKind device)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var weights = configuration.LayerCount * ModelFamily.Of(configuration).Linears(configuration).Sum(linear => (long)linear.OutputSize * linear.InputSize);
        return effort == ReconstructionEffort.Best && (device == DeviceKind.Cuda || weights <= MostWeightsOnProcessor) ? ReconstructionMethod.Learned : ReconstructionMethod.Gptq;
    }
}
