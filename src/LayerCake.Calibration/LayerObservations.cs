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
        var merged = new SampleStatistics[All.Length];
        Parallel.For(0, All.Length, activation => merged[activation] = SampleMerging.Merge(_samples[activation]));
        Put(merged, statistics, family, layer);
    }

    /// <summary>Puts merged statistics, by activation, to every module of the layer that sees one of them.</summary>
    public static void Put(SampleStatistics[] merged, CalibrationStatistics statistics, ModelFamily family, int layer)
    {
        var name = family.Layer(layer);
        var key = merged[(int)Activation.RotatedKey];
        var value = merged[(int)Activation.Value];
        statistics.Keys[name].Update(key.Max, key.Min, key.AbsMax);
        statistics.Values[name].Update(value.Max, value.Min, value.AbsMax);
        foreach (var activation in All)
        {
            var (inputs, outputs) = Modules(activation);
            foreach (var module in inputs)
            {
                statistics.Inputs[family.Module(layer, module)] = Statistics(merged[(int)activation]);
            }

            foreach (var module in outputs)
            {
                statistics.Outputs[family.Module(layer, module)] = Statistics(merged[(int)activation]);
            }
        }

        // Copies: modules that read the same activation must not share arrays.
        static ActivationStatistics Statistics(SampleStatistics source) =>
            new([.. source.Max], [.. source.Min], [.. source.Mean], [.. source.AbsMax], [.. source.AbsMean]);
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

    /// <summary>The modules whose input, and those whose output, an activation is.</summary>
    private static (string[] Inputs, string[] Outputs) Modules(Activation activation) => activation switch
    {
        Activation.InputNorm => (["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["input_layernorm"]),
        Activation.Query => ([], ["self_attn.q_proj"]),
        Activation.Key => ([], ["self_attn.k_proj"]),
        Activation.Value => ([], ["self_attn.v_proj"]),
        Activation.RotatedKey => ([], []),
        Activation.Attention => (["self_attn.o_proj"], []),
        Activation.AttentionOutput => ([], ["self_attn.o_proj"]),
        Activation.PostAttentionNorm => (["mlp.gate_proj", "mlp.up_proj"], ["post_attention_layernorm"]),
        Activation.Gate => ([], ["mlp.gate_proj"]),
        Activation.Up => ([], ["mlp.up_proj"]),
        Activation.GatedUp => (["mlp.down_proj"], []),
        Activation.Down => ([], ["mlp.down_proj"]),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };
}
