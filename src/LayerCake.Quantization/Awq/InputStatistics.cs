using System.Globalization;
using LayerCake.Models;

namespace LayerCake.Quantization.Awq;

/// <summary>Finds and checks the input statistics that smoothing uses, before anything is read or written.</summary>
internal static class InputStatistics
{
    /// <exception cref="QuantizationException">Names the module whose statistics are missing, have another length, or hold what no magnitude can be.</exception>
    public static void Check(IReadOnlyDictionary<string, Half[]> absMax, ModelConfiguration configuration)
    {
        var family = ModelFamily.Of(configuration);
        var used = family.NormSmoothings.Select(smoothing => smoothing.Consumers[0])
            .Concat(family.LinearSmoothings.Select(smoothing => smoothing.Consumer))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var linear in family.Linears(configuration).Where(linear => used.Contains(linear.Name)))
        {
            for (var layer = 0; layer < configuration.LayerCount; layer++)
            {
                Check(absMax, family.Module(layer, linear.Name), linear.InputSize);
            }
        }
    }

    private static void Check(IReadOnlyDictionary<string, Half[]> absMax, string module, int channels)
    {
        if (!absMax.TryGetValue(module, out var values))
        {
            throw new QuantizationException($"The calibration statistics have no inputs of {module}: they are of another model. Run calibrate on this one.");
        }

        if (values.Length != channels)
        {
            throw new QuantizationException(
                $"The calibration statistics have {values.Length} channels for the input of {module}, which has {channels}: they are of another model. Run calibrate on this one.");
        }

        var bad = Array.FindIndex(values, value => !Half.IsFinite(value) || value < Half.Zero);
        if (bad >= 0)
        {
            throw new QuantizationException(
                $"The calibration statistics hold the absmax {((float)values[bad]).ToString("R", CultureInfo.InvariantCulture)} for input channel {bad} of {module}: " +
                "the activations overflowed float16. Check the model and run calibrate again.");
        }
    }
}
