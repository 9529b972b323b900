using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>Consecutive layers while they are learned together on a device: what <see cref="LayerSpan"/> is on the processor.</summary>
internal sealed class DeviceSpan(ITensorSource source, ModelConfiguration configuration, int first, Device device) : IDisposable
{
    private readonly List<(LayerWeights Weights, DeviceLayer Layer)> _originals = [];
    private readonly List<DeviceReconstructedLayer> _results = [];

    /// <summary>Takes the next layer over.</summary>
    /// <param name="weights">What the float layer has.</param>
    /// <param name="original">The float layer.</param>
    /// <param name="solve">Gives where learning starts.</param>
    public void Add(LayerWeights weights, DeviceLayer original, Func<DeviceReconstructedLayer> solve)
    {
        _originals.Add((weights, original));
        _results.Add(solve());
    }

    /// <summary>Learns what was found further, and takes the hidden states through the layers again.</summary>
    /// <param name="before">The quantized model's hidden states before the span.</param>
    public void Learn(DeviceReconstruction run, DeviceStates before, LearningSettings settings, Action<string> progress, CancellationToken cancellation)
    {
        using var learned = Learned(run, before, settings, progress, cancellation);
        if (learned.Layers is { } layers)
        {
            for (var i = 0; i < layers.Count; i++)
            {
                _results[i] = _results[i].With(layers[i], _originals[i].Layer);
            }

            run.Repeat(before, [.. _results.Select(result => result.Layer)]);
        }
    }

    /// <summary>The results, which are the caller's now.</summary>
    public IReadOnlyList<DeviceReconstructedLayer> Take()
    {
        DeviceReconstructedLayer[] taken = [.. _results];
        _results.Clear();
        return taken;
    }

    public void Dispose()
    {
        foreach (var (weights, layer) in _originals)
        {
            layer.Dispose();
            weights.Dispose();
        }

        foreach (var result in _results)
        {
            result.Dispose();
        }
    }

    private static SpanLayer LayerOf(DeviceReconstructedLayer found, (LayerWeights Weights, DeviceLayer Layer) original) =>
        new(found, name => found.Linears[name].Wanted(original.Layer.Weight(name)));

    /// <summary>Outside inference mode, in which the rest of the run computes: autograd knows nothing of tensors that are made there.</summary>
    private LearnedSpan Learned(DeviceReconstruction run, DeviceStates before, LearningSettings settings, Action<string> progress, CancellationToken cancellation)
    {
        using var normal = inference_mode(false);
        using var head = first + _results.Count == configuration.LayerCount ? new OutputHead(source, configuration, device) : null;
        return new SpanLearner(configuration, settings, device, progress).Run([.. _results.Zip(_originals, LayerOf)], before, run.FloatStates!, head, first, cancellation);
    }
}
