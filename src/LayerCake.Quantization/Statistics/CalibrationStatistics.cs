using LayerCake.Models;

namespace LayerCake.Quantization;

/// <summary>All statistics of one calibration. Every dictionary enumerates in the order the files list the modules.</summary>
public sealed class CalibrationStatistics
{
    public CalibrationStatistics(
        OrderedDictionary<string, ActivationStatistics> inputs,
        OrderedDictionary<string, ActivationStatistics> outputs,
        OrderedDictionary<string, KeyValueStatistics> keys,
        OrderedDictionary<string, KeyValueStatistics> values)
    {
        (Inputs, Outputs, Keys, Values) = (inputs, outputs, keys, values);
    }

    /// <summary>Inputs of every linear in a layer, by module name, layer by layer.</summary>
    public OrderedDictionary<string, ActivationStatistics> Inputs { get; }

    /// <summary>Outputs of every norm (the final one last), then of every linear in a layer.</summary>
    public OrderedDictionary<string, ActivationStatistics> Outputs { get; }

    /// <summary>Cached keys of every layer (<c>model.layers.0</c> …), after rotary embedding.</summary>
    public OrderedDictionary<string, KeyValueStatistics> Keys { get; }

    /// <summary>Cached values of every layer.</summary>
    public OrderedDictionary<string, KeyValueStatistics> Values { get; }

    /// <summary>Statistics before the first sample, for every module of the model that the original observes, in its order.</summary>
    public static CalibrationStatistics For(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var family = ModelFamily.Of(configuration);
        var linears = family.Linears(configuration);
        var inputs = new OrderedDictionary<string, ActivationStatistics>(StringComparer.Ordinal);
        var outputs = new OrderedDictionary<string, ActivationStatistics>(StringComparer.Ordinal);
        var keys = new OrderedDictionary<string, KeyValueStatistics>(StringComparer.Ordinal);
        var values = new OrderedDictionary<string, KeyValueStatistics>(StringComparer.Ordinal);

        foreach (var norm in family.ObservedNorms(configuration))
        {
            outputs.Add(norm, new ActivationStatistics(configuration.HiddenSize));
        }

        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            foreach (var linear in linears)
            {
                inputs.Add(family.Module(layer, linear.Name), new ActivationStatistics(linear.InputSize));
                outputs.Add(family.Module(layer, linear.Name), new ActivationStatistics(linear.OutputSize));
            }

            keys.Add(family.Layer(layer), new KeyValueStatistics(configuration.KeyValueHeadCount, configuration.HeadDimension));
            values.Add(family.Layer(layer), new KeyValueStatistics(configuration.KeyValueHeadCount, configuration.HeadDimension));
        }

        return new CalibrationStatistics(inputs, outputs, keys, values);
    }
}
