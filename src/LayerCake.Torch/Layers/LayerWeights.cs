using LayerCake.Checkpoints;
using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>The weights of one decoder layer as float16 tensors, by their names inside the layer (<c>self_attn.q_proj.weight</c>). Owns them.</summary>
public sealed class LayerWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;

    /// <summary>Takes the tensors over.</summary>
    internal LayerWeights(IEnumerable<KeyValuePair<string, Tensor>> tensors) => _tensors = new(tensors, StringComparer.Ordinal);

    /// <summary>Reads a layer into memory; bfloat16 and float32 weights are rounded to float16 as the original's loading does. The caller has checked the layout.</summary>
    /// <exception cref="CheckpointException">A tensor is absent or cannot be read.</exception>
    /// <exception cref="ModelException">A weight is not finite in float16.</exception>
    public static LayerWeights Load(ITensorSource source, ModelConfiguration configuration, int layer)
    {
        using var staging = new LayerStaging(configuration, pinned: false);
        staging.Read(source, layer, CancellationToken.None);
        return staging.To(CPU);
    }

    public Tensor this[string name] => _tensors[name];

    public Tensor? Find(string name) => _tensors.GetValueOrDefault(name);

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }
    }

    /// <summary>A float16 tensor of the expected shape, without infinities or NaN.</summary>
    internal static Tensor LoadFinite(ITensorSource source, string name, long[] shape, Device device)
    {
        using var scope = NewDisposeScope();
        var tensor = TensorLoading.Load(source, name, ScalarType.Float16);
        if (!tensor.shape.AsSpan().SequenceEqual(shape))
        {
            throw new ModelException(
                $"{source.Path}: tensor {name} has the shape [{string.Join(", ", tensor.shape)}], but by config.json it must be [{string.Join(", ", shape)}].");
        }

        if (!TensorLoading.AllFinite(tensor))
        {
            throw NotFinite(source, name);
        }

        return tensor.to(device).MoveToOuterDisposeScope();
    }

    internal static ModelException NotFinite(ITensorSource source, string name) => new(
        $"{source.Path}: tensor {name} holds infinities or NaN, or values beyond float16's range (65504), and the engine computes in float16. Repair the checkpoint.");
}
