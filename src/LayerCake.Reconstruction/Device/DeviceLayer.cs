using LayerCake.Models;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// A decoder layer on a device that is run part by part, so that the linears of one part can be replaced before the next part sees what they give: what
/// <see cref="StagedLayer"/> is on the processor. Activations are [samples, tokens, channels] and belong to the caller's scope.
/// </summary>
/// <param name="weights">What the layer has where nothing was replaced; stays the caller's.</param>
/// <param name="rotary">[tokens, head dimension] each, for <see cref="ILayerOperations.Rotate"/>.</param>
internal sealed class DeviceLayer(ModelConfiguration configuration, ILayerOperations operations, LayerWeights weights, (Tensor Cosines, Tensor Sines) rotary) : IDisposable
{
    private readonly Dictionary<string, Tensor> _replaced = new(StringComparer.Ordinal);

    /// <summary>A norm's or linear's weight or bias, float16; null where there is none.</summary>
    public Tensor? Find(string name) => _replaced.GetValueOrDefault(name) ?? weights.Find(name);

    /// <summary>A linear's weight, [outputs, inputs], float16.</summary>
    public Tensor Weight(string linear) => Find($"{linear}.weight")!;

    /// <summary>Values of a norm's weight or a linear's bias, on the processor; null where there is none.</summary>
    public float[]? Vector(string name)
    {
        using var scope = NewDisposeScope();
        return Find(name) is { } values ? values.to(ScalarType.Float32).cpu().data<float>().ToArray() : null;
    }

    /// <summary>Takes a tensor over in place of what the layer had.</summary>
    public void Replace(string name, Tensor values)
    {
        values.DetachFromDisposeScope();
        _replaced.GetValueOrDefault(name)?.Dispose();
        _replaced[name] = values;
    }

    /// <summary>Puts float16 values of the processor in place of a norm's weight or a linear's bias.</summary>
    public void Replace(string name, float[] values)
    {
        using var scope = NewDisposeScope();
        Replace(name, tensor(values).to(ScalarType.Float16).to(Find(name)!.device));
    }

    /// <summary>A copy with norms and biases of its own. It shares the weights of linears until they are replaced.</summary>
    public DeviceLayer Clone()
    {
        var family = ModelFamily.Of(configuration);
        var copy = new DeviceLayer(configuration, operations, weights, rotary);
        foreach (var name in family.LayerNorms.Select(norm => $"{norm}.weight").Concat(family.LayerLinears.Select(linear => $"{linear}.bias")))
        {
            if (Find(name) is { } values)
            {
                copy.Replace(name, values.clone());
            }
        }

        return copy;
    }

    public Tensor Enter(Tensor hidden) => operations.Enter(hidden);

    public Tensor Norm(Tensor hidden, string norm) => operations.Norm(hidden, Find($"{norm}.weight")!, configuration.RmsNormEpsilon);

    /// <summary>Normed → joined heads.</summary>
    public Tensor Attend(Tensor normed)
    {
        using var scope = NewDisposeScope();
        var query = operations.Rotate(Linear(normed, PartNames.Query), rotary.Cosines, rotary.Sines, configuration.HeadCount);
        var key = operations.Rotate(Linear(normed, PartNames.Key), rotary.Cosines, rotary.Sines, configuration.KeyValueHeadCount);
        return operations.Attend(query, key, Linear(normed, PartNames.Value), configuration).MoveToOuterDisposeScope();
    }

    /// <summary>Hidden and joined heads → hidden after attention.</summary>
    public Tensor AddAttention(Tensor hidden, Tensor joined)
    {
        using var given = Linear(joined, PartNames.Output);
        return operations.Add(hidden, given);
    }

    /// <summary>Normed → silu(gate) · up.</summary>
    public Tensor Gated(Tensor normed)
    {
        using var up = Linear(normed, PartNames.Up);
        var gate = Linear(normed, PartNames.Gate);
        var gated = operations.GateUp(gate, up);
        if (!ReferenceEquals(gated, gate))
        {
            gate.Dispose();
        }

        return gated;
    }

    /// <summary>Hidden and silu(gate) · up → hidden after the layer.</summary>
    public Tensor AddMlp(Tensor hidden, Tensor gated)
    {
        using var given = Linear(gated, PartNames.Down);
        return operations.Add(hidden, given);
    }

    /// <summary>Hidden → hidden after attention.</summary>
    public Tensor RunAttention(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return AddAttention(hidden, Attend(Norm(hidden, PartNames.InputNorm))).MoveToOuterDisposeScope();
    }

    /// <summary>Hidden after attention → hidden after the layer.</summary>
    public Tensor RunMlp(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return AddMlp(hidden, Gated(Norm(hidden, PartNames.PostAttentionNorm))).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var values in _replaced.Values)
        {
            values.Dispose();
        }
    }

    private Tensor Linear(Tensor x, string name) => operations.Linear(x, Weight(name), Find($"{name}.bias"));
}
