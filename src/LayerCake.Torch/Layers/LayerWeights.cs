using LayerCake.Checkpoints;
using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>The weights of one decoder layer as float16 tensors, by their names inside the layer (<c>self_attn.q_proj.weight</c>). Owns them.</summary>
public sealed class LayerWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;

    private LayerWeights(string layer, Dictionary<string, Tensor> tensors) => (Layer, _tensors) = (layer, tensors);

    /// <summary>The layer's module name, for example <c>model.layers.0</c>.</summary>
    public string Layer { get; }

    /// <summary>
    /// Reads a layer straight into libtorch memory; bfloat16 and float32 weights are rounded to float16 as the original's loading does.
    /// </summary>
    /// <param name="pinned">Into pages a GPU can read by itself: 20 times faster to copy there.</param>
    /// <exception cref="CheckpointException">A tensor is absent or cannot be read.</exception>
    /// <exception cref="TorchException">A weight is not finite in float16, or has another shape than the configuration says.</exception>
    public static LayerWeights Load(ITensorSource source, ModelConfiguration configuration, int layer, bool pinned)
    {
        var family = ModelFamily.Of(configuration);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var weights = new LayerWeights(family.Layer(layer), tensors);
        try
        {
            foreach (var linear in family.Linears(configuration))
            {
                Add($"{linear.Name}.weight", linear.OutputSize, linear.InputSize);
                if (linear.HasBias)
                {
                    Add($"{linear.Name}.bias", linear.OutputSize);
                }
            }

            foreach (var norm in family.LayerNorms)
            {
                Add($"{norm}.weight", configuration.HiddenSize);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }

        void Add(string name, params long[] shape)
        {
            var tensor = LoadFinite(source, family.Module(layer, name), shape, CPU).DetachFromDisposeScope();
            if (pinned)
            {
                var pageable = tensor;
                tensor = pageable.pin_memory().DetachFromDisposeScope();
                pageable.Dispose();
            }

            tensors.Add(name, tensor);
        }
    }

    /// <summary>A copy on another device.</summary>
    public LayerWeights To(Device device) =>
        new(Layer, _tensors.ToDictionary(entry => entry.Key, entry => entry.Value.to(device, copy: true).DetachFromDisposeScope(), StringComparer.Ordinal));

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
            throw new TorchException(
                $"{source.Path}: tensor {name} has the shape [{string.Join(", ", tensor.shape)}], but by config.json it must be [{string.Join(", ", shape)}].");
        }

        if (!TensorLoading.AllFinite(tensor))
        {
            throw new TorchException(
                $"{source.Path}: tensor {name} holds infinities or NaN, or values beyond float16's range (65504), and the engine computes in float16. Repair the checkpoint.");
        }

        return tensor.to(device).MoveToOuterDisposeScope();
    }
}
