using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch.Layers;

namespace LayerCake.Calibration;

/// <summary>
/// All samples' statistics of one layer. Samples arrive in any order and are merged in their own: the original's running means depend on it.
/// </summary>
internal sealed class LayerObservations
{
    private static readonly Activation[] All = Enum.GetValues<Activation>();

    private readonly SampleStatistics[][] _samples;

    public LayerObservations(int sampleCount) =>
        _samples = [.. All.Select(_ => new SampleStatistics[sampleCount])];

    /// <summary>Different samples may be added at the same time.</summary>
    public void Add(Activation activation, int sample, SampleStatistics statistics) => _samples[(int)activation][sample] = statistics;

    /// <summary>Merges all samples into the statistics of every module of the layer that sees one of the activations.</summary>
    public void MergeInto(CalibrationStatistics statistics, ModelFamily family, int layer)
    {
        var keys = statistics.Keys[family.Layer(layer)];
        var values = statistics.Values[family.Layer(layer)];
        Parallel.ForEach(All, activation =>
        {
            if (activation == Activation.RotatedKey)
            {
                Merge(activation, keys);
                return;
            }

            if (activation == Activation.Value)
            {
                Merge(activation, values);
            }

            foreach (var module in Modules(statistics, family, layer, activation))
            {
                foreach (var sample in _samples[(int)activation])
                {
                    module.Update(sample.Max, sample.Min, sample.Mean, sample.AbsMax, sample.AbsMean);
                }
            }
        });
    }

    /// <summary>The name of what an activation belongs to, for messages.</summary>
    public static string Describe(Activation activation, ModelFamily family, int layer) => activation switch
    {
        Activation.InputNorm => $"the output of {family.Module(layer, "input_layernorm")}",
        Activation.Query => $"the output of {family.Module(layer, "self_attn.q_proj")}",
        Activation.Key => $"the output of {family.Module(layer, "self_attn.k_proj")}",
        Activation.Value => $"the output of {family.Module(layer, "self_attn.v_proj")}",
        Activation.RotatedKey => $"the keys of {family.Layer(layer)} after rotary embedding",
        Activation.Attention => $"the input of {family.Module(layer, "self_attn.o_proj")}",
        Activation.AttentionOutput => $"the output of {family.Module(layer, "self_attn.o_proj")}",
        Activation.PostAttentionNorm => $"the output of {family.Module(layer, "post_attention_layernorm")}",
        Activation.Gate => $"the output of {family.Module(layer, "mlp.gate_proj")}",
        Activation.Up => $"the output of {family.Module(layer, "mlp.up_proj")}",
        Activation.GatedUp => $"the input of {family.Module(layer, "mlp.down_proj")}",
        Activation.Down => $"the output of {family.Module(layer, "mlp.down_proj")}",
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    private void Merge(Activation activation, KeyValueStatistics into)
    {
        foreach (var sample in _samples[(int)activation])
        {
            into.Update(sample.Max, sample.Min, sample.AbsMax);
        }
    }

    private static ActivationStatistics[] Modules(CalibrationStatistics statistics, ModelFamily family, int layer, Activation activation)
    {
        return activation switch
        {
            Activation.InputNorm => [Output("input_layernorm"), Input("self_attn.q_proj"), Input("self_attn.k_proj"), Input("self_attn.v_proj")],
            Activation.Query => [Output("self_attn.q_proj")],
            Activation.Key => [Output("self_attn.k_proj")],
            Activation.Value => [Output("self_attn.v_proj")],
            Activation.Attention => [Input("self_attn.o_proj")],
            Activation.AttentionOutput => [Output("self_attn.o_proj")],
            Activation.PostAttentionNorm => [Output("post_attention_layernorm"), Input("mlp.gate_proj"), Input("mlp.up_proj")],
            Activation.Gate => [Output("mlp.gate_proj")],
            Activation.Up => [Output("mlp.up_proj")],
            Activation.GatedUp => [Input("mlp.down_proj")],
            Activation.Down => [Output("mlp.down_proj")],
            _ => [],
        };

        ActivationStatistics Input(string name) => statistics.Inputs[family.Module(layer, name)];

        ActivationStatistics Output(string name) => statistics.Outputs[family.Module(layer, name)];
    }
}
