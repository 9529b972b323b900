using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>One layer of all models, read and compared while the windows go through the layer before it.</summary>
internal sealed class LoadedLayer : IDisposable
{
    private readonly Dictionary<EvaluatedModel, CpuDecoderLayer> _layers = [];
    private readonly Dictionary<EvaluatedModel, IReadOnlyDictionary<string, double>> _weightErrors = [];

    private LoadedLayer(int layer) => Layer = layer;

    /// <summary>From 0.</summary>
    public int Layer { get; }

    public CpuDecoderLayer this[EvaluatedModel model] => _layers[model];

    /// <summary>Begins to load a layer; one that the models do not have is nothing.</summary>
    /// <param name="models">The first is the baseline.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="cancellation">Ends it between two models.</param>
    public static Task<LoadedLayer> Start(IReadOnlyList<EvaluatedModel> models, int layer, CancellationToken cancellation) =>
        Task.Run(() => Load(models, layer, cancellation), CancellationToken.None);

    /// <summary>How far a model's weights are from the baseline's, by linear; see <see cref="WeightComparison"/>.</summary>
    public IReadOnlyDictionary<string, double> WeightErrors(EvaluatedModel model) => _weightErrors[model];

    public void Dispose()
    {
        foreach (var layer in _layers.Values)
        {
            layer.Dispose();
        }
    }

    private static LoadedLayer Load(IReadOnlyList<EvaluatedModel> models, int layer, CancellationToken cancellation)
    {
        var loaded = new LoadedLayer(layer);
        if (layer >= models[0].Configuration.LayerCount)
        {
            return loaded;
        }

        try
        {
            foreach (var model in models)
            {
                cancellation.ThrowIfCancellationRequested();
                loaded._layers.Add(model, CpuDecoderLayer.Load(model.Weights, model.Configuration, layer));
                loaded._weightErrors.Add(model, model == models[0] ? new Dictionary<string, double>() : WeightComparison.Of(model, models[0], layer));
            }

            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }
}
