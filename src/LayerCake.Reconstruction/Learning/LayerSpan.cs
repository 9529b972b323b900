using LayerCake.Checkpoints;
using LayerCake.Models;
using TorchSharp;

namespace LayerCake.Reconstruction;

/// <summary>Consecutive layers while they are quantized on the processor: one, or as many as are learned together.</summary>
internal sealed class LayerSpan(ITensorSource source, ModelConfiguration configuration, int first, int count, ParallelOptions options) : IDisposable
{
    private readonly List<StagedLayer> _originals = [];
    private readonly List<ReconstructedLayer> _results = [];
    private HiddenStates? _before;

    /// <summary>Quantizes the layers one after the other.</summary>
    /// <param name="progress">Takes a line after every layer, if they are to be learned; else null.</param>
    public void Solve(LayerReconstruction run, Action<string>? progress)
    {
        _before = progress is null ? null : run.States.Clone();
        for (var layer = first; layer < first + count; layer++)
        {
            _originals.Add(StagedLayer.Load(source, configuration, layer, options.CancellationToken));
            _results.Add(run.Run(_originals[^1], layer));
            progress?.Invoke($"{ModelFamily.Of(configuration).Layer(layer)}: where learning starts is found.");
        }
    }

    /// <summary>Learns what was found further, and takes the hidden states through the layers again.</summary>
    public void Learn(LayerReconstruction run, LearningSettings settings, Action<string> progress)
    {
        using var head = first + count == configuration.LayerCount ? new OutputHead(source, configuration, torch.CPU) : null;
        using var before = DeviceStates.Of(_before!, torch.CPU);
        using var wanted = DeviceStates.Of(run.FloatStates!, torch.CPU);
        using var learned = new SpanLearner(configuration, settings, torch.CPU, progress)
            .Run([.. _results.Zip(_originals, LayerOf)], before, wanted, head, first, options.CancellationToken);
        if (learned.Layers is { } layers)
        {
            for (var i = 0; i < count; i++)
            {
                _results[i] = _results[i].With(layers[i], _originals[i], options.MaxDegreeOfParallelism);
            }

            run.Repeat(_before!, _results);
        }
    }

    private static SpanLayer LayerOf(ReconstructedLayer found, StagedLayer original) =>
        new(found, name => found.Linears[name].Wanted(original.Weight(name)));

    /// <summary>The results, which are the caller's now.</summary>
    public IReadOnlyList<ReconstructedLayer> Take()
    {
        ReconstructedLayer[] taken = [.. _results];
        _results.Clear();
        return taken;
    }

    public void Dispose()
    {
        _before?.Dispose();
        foreach (var layer in _originals)
        {
            layer.Dispose();
        }

        foreach (var result in _results)
        {
            result.Dispose();
        }
    }
}
