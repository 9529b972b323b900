using LayerCake.Models;
using LayerCake.Kernels;
using LayerCake.Torch.Layers;

namespace LayerCake.Evaluation;

/// <summary>
/// Takes the windows of all variants through the layers, a layer at a time, and compares on the way what each layer does. Every thread takes whole windows, so that
/// no figure depends on how many there are.
/// </summary>
internal sealed unsafe class LayerPass
{
    /// <summary>Windows whose layer outputs, keys and values are compared: each costs a pass more, and copies.</summary>
    public const int SampledWindows = 8;

    private readonly IReadOnlyList<EvaluationVariant> _variants;
    private readonly IReadOnlyList<EvaluatedModel> _models;
    private readonly ModelConfiguration _configuration;
    private readonly EvaluationWindows _windows;
    private readonly int _cacheVariant;
    private readonly List<LayerFigures> _layers = [];
    private readonly List<HeadErrors> _heads = [];
    private readonly List<OutlierChannel> _outliers = [];

    public LayerPass(EvaluationRequest request)
    {
        _variants = request.Variants;
        _models = [.. request.Variants.Select(variant => variant.Model).Distinct()];
        _configuration = _models[0].Configuration;
        _windows = request.Windows;
        _cacheVariant = _variants.ToList().FindIndex(variant => variant.Model == _variants[^1].Model);
        States = StartingStates();
    }

    /// <summary>[variants][windows][rows · hidden], the residual stream.</summary>
    public Half[][][] States { get; }

    public IReadOnlyList<LayerFigures> Layers => _layers;

    public IReadOnlyList<HeadErrors> Heads => _heads;

    public IReadOnlyList<OutlierChannel> Outliers => _outliers;

    /// <summary>The variant whose keys and values were compared.</summary>
    public EvaluationVariant CacheVariant => _variants[_cacheVariant];

    /// <param name="options">Threads and cancellation.</param>
    /// <param name="windowDone">Called after each window of each layer.</param>
    public void Run(ParallelOptions options, Action windowDone)
    {
        var rotary = _models.ToDictionary(model => model, model => RotaryAngles.Table(model.Configuration, _windows.Length));
        using var workspaces = new Workspaces<Memory>(() => new Memory(_configuration, _windows.Length));
        var next = LoadedLayer.Start(_models, 0, options.CancellationToken);
        try
        {
            for (var layer = 0; layer < _configuration.LayerCount; layer++)
            {
                using var loaded = next.GetAwaiter().GetResult();
                next = LoadedLayer.Start(_models, layer + 1, options.CancellationToken);
                var sums = new LayerSums[_windows.Ids.Count];
                workspaces.ForEach<EvaluationException>(sums.Length, options, (window, memory) =>
                {
                    sums[window] = RunWindow(loaded, window, rotary, memory);
                    windowDone();
                });
                Conclude(loaded, sums);
            }
        }
        finally
        {
            ReadingAhead.Settle(next)?.Dispose();
        }
    }

    private Half[][][] StartingStates()
    {
        var byModel = _models.ToDictionary(model => model, Embedded);
        return [.. _variants.Select(variant => (Half[][])[.. byModel[variant.Model].Select(window => (Half[])window.Clone())])];
    }

    /// <summary>What the windows begin with in a model, [windows][rows · hidden].</summary>
    private Half[][] Embedded(EvaluatedModel model)
    {
        using var rows = new EmbeddingRows(model.Weights, model.Configuration, _windows.Ids);
        return [.. _windows.Ids.Select(ids =>
        {
            var states = GC.AllocateUninitializedArray<Half>(ids.Length * _configuration.HiddenSize);
            for (var row = 0; row < ids.Length; row++)
            {
                rows[ids[row]].CopyTo(states.AsSpan(row * _configuration.HiddenSize));
            }

            return states;
        })];
    }

    private LayerSums RunWindow(LoadedLayer loaded, int window, Dictionary<EvaluatedModel, RotaryTable> rotary, Memory memory)
    {
        var layer = loaded.Layer;
        var isSampled = window < SampledWindows;
        var work = memory.Work;
        var (rows, stride) = (work.Rows, work.HiddenStride);
        var sums = new LayerSums(_variants.Count, _models.Count) { Cache = isSampled ? new KeyValueCollector() : null };

        Take(States[0][window], work);
        Copy(work.Hidden, memory.Before, rows * stride);
        loaded[_models[0]].Run(work, rotary[_models[0]], ObserverOf(0, layer, sums.Cache));
        Copy(work.Hidden, memory.After, rows * stride);
        sums.States = StateComparison.Squares(memory.After, rows, stride);
        sums.Outputs = StateComparison.SquaredDifference(memory.After, memory.Before, rows, stride);
        Give(work, States[0][window]);

        for (var m = 1; isSampled && m < _models.Count; m++)
        {
            Copy(memory.Before, work.Hidden, rows * stride);
            loaded[_models[m]].Run(work, rotary[_models[m]], FloatCache.Instance);
            sums.OutputErrors[m] = StateComparison.SquaredDifference(work.Hidden, memory.After, rows, stride);
        }

        for (var v = 1; v < _variants.Count; v++)
        {
            var model = _variants[v].Model;
            Take(States[v][window], work);
            loaded[model].Run(work, rotary[model], ObserverOf(v, layer, sums.Cache));
            sums.StateErrors[v] = StateComparison.SquaredDifference(work.Hidden, memory.After, rows, stride);
            Give(work, States[v][window]);
        }

        return sums;
    }

    private IRowObserver ObserverOf(int variant, int layer, KeyValueCollector? collector)
    {
        IRowObserver cache = _variants[variant].QuantizesCache
            ? new Int8Cache(_variants[variant].Model.KeyValueScales![layer], _configuration.HeadDimension)
            : FloatCache.Instance;
        return variant == _cacheVariant && collector is not null ? new Both(collector, cache) : cache;
    }

    private void Conclude(LoadedLayer loaded, LayerSums[] windows)
    {
        var layer = loaded.Layer;
        var sampled = windows.Take(SampledWindows).ToArray();
        for (var v = 1; v < _variants.Count; v++)
        {
            var model = _variants[v].Model;
            var m = _models.ToList().IndexOf(model);
            var isFirst = m > 0 && _variants.ToList().FindIndex(variant => variant.Model == model) == v;
            _layers.Add(new LayerFigures(
                layer, _variants[v].Name,
                Relative(windows.Sum(window => window.StateErrors[v]), windows.Sum(window => window.States)),
                isFirst ? Relative(sampled.Sum(window => window.OutputErrors[m]), sampled.Sum(window => window.Outputs)) : null,
                isFirst ? loaded.WeightErrors(model) : new Dictionary<string, double>()));
        }

        var (channels, head) = (_configuration.KeyValueSize, _configuration.HeadDimension);
        var ranks = _variants[_cacheVariant].Model.KeyValueScales?[layer];
        foreach (var kind in Enum.GetValues<KeyValueKind>())
        {
            var values = sampled.Select(window => kind == KeyValueKind.Key ? window.Cache!.Keys : window.Cache!.Values).ToArray();
            var stored = ranks?.Select(rank => kind == KeyValueKind.Key ? rank.Keys : rank.Values).ToArray();
            var extents = ChannelExtent.Of(values, channels);
            _heads.AddRange(KeyValueComparison.ByHead(layer, kind, values, extents, head, stored));
            _outliers.AddRange(KeyValueComparison.Outliers(layer, kind, values, extents, head));
        }
    }

    private static double Relative(double errors, double total) => total > 0 ? Math.Sqrt(errors / total) : 0;

    private static void Copy(float* from, float* to, nint count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));

    private void Take(Half[] states, CpuLayerWorkspace work)
    {
        fixed (Half* from = states)
        {
            Float16Lanes.LoadRows(from, work.Hidden, work.HiddenStride, work.Rows, _configuration.HiddenSize);
        }
    }

    private void Give(CpuLayerWorkspace work, Half[] states)
    {
        fixed (Half* to = states)
        {
            Float16Lanes.StoreRows(work.Hidden, work.HiddenStride, to, work.Rows, _configuration.HiddenSize);
        }
    }

    private sealed class Both(IRowObserver first, IRowObserver second) : IRowObserver
    {
        public void Observe(Activation activation, float* values, int rows, nint stride, int channels)
        {
            first.Observe(activation, values, rows, stride, channels);
            second.Observe(activation, values, rows, stride, channels);
        }
    }

    /// <summary>One thread's activations, and the baseline's states before and after the layer.</summary>
    private sealed class Memory : IDisposable
    {
        private readonly FloatBuffer _states;

        public Memory(ModelConfiguration configuration, int rows)
        {
            Work = new CpuLayerWorkspace(configuration, rows);
            _states = new FloatBuffer(2 * rows * Work.HiddenStride);
        }

        public CpuLayerWorkspace Work { get; }

        public float* Before => _states.Pointer;

        public float* After => _states.Pointer + (Work.Rows * Work.HiddenStride);

        public void Dispose()
        {
            Work.Dispose();
            _states.Dispose();
        }
    }
}
