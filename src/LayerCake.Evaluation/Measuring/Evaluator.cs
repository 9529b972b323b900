using System.Collections.Concurrent;
using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Evaluation;

/// <summary>
/// Measures variants of one model side by side: all windows go through a layer of every variant before the next layer is read. So memory holds one layer of each
/// model, and what a layer does to the variants can be compared while it happens. The kernels are those of calibration: every figure has the same bits on every
/// machine and for any number of threads.
/// </summary>
public sealed class Evaluator
{
    private readonly EvaluationRequest _request;
    private readonly IProgress<EvaluationProgress>? _progress;
    private readonly ModelConfiguration _configuration;
    private readonly int _rows;
    private readonly int _windows;
    private long _done;

    private Evaluator(EvaluationRequest request, IProgress<EvaluationProgress>? progress)
    {
        _request = request;
        _progress = progress;
        _configuration = request.Variants[0].Model.Configuration;
        _rows = request.Windows.Length;
        _windows = request.Windows.Ids.Count;
    }

    /// <summary>Names what decides the bits of a figure besides models and text; for keys and protocols.</summary>
    public static string Numerics => "cpu-1";

    /// <summary>Measures.</summary>
    /// <exception cref="EvaluationException">Variants of different models, ids that a model lacks, logits that are no numbers.</exception>
    /// <exception cref="Checkpoints.CheckpointException">Weights cannot be read.</exception>
    /// <exception cref="TorchException">libtorch cannot be loaded, or a weight is not finite in float16.</exception>
    public static IReadOnlyList<VariantFigures> Run(EvaluationRequest request, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.Variants.Count);
        foreach (var variant in request.Variants)
        {
            variant.Model.ThrowIfOther(request.Variants[0].Model);
            request.Windows.CheckIds(variant.Model);
        }

        LibTorch.EnsureLoaded();
        return new Evaluator(request, progress).Run(cancellation);
    }

    private IReadOnlyList<VariantFigures> Run(CancellationToken cancellation)
    {
        var threads = _request.Threads > 0 ? _request.Threads : Environment.ProcessorCount;
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(threads, _windows), CancellationToken = cancellation };
        var states = StartingStates();
        RunLayers(states, options);
        return Score(states, options);
    }

    /// <returns>[variants][windows][rows · hidden].</returns>
    private Half[][][] StartingStates()
    {
        var byModel = new Dictionary<EvaluatedModel, Half[][]>();
        var states = new Half[_request.Variants.Count][][];
        for (var v = 0; v < states.Length; v++)
        {
            var model = _request.Variants[v].Model;
            if (byModel.TryGetValue(model, out var known))
            {
                states[v] = [.. known.Select(window => (Half[])window.Clone())];
            }
            else
            {
                states[v] = byModel[model] = EmbeddedStates.Load(model, _request.Windows);
            }
        }

        return states;
    }

    private void RunLayers(Half[][][] states, ParallelOptions options)
    {
        var rotary = _request.Variants.Select(variant => variant.Model).Distinct().ToDictionary(model => model, model => RotaryAngles.Table(model.Configuration, _rows));
        using var workspaces = new Workspaces<CpuLayerWorkspace>(() => new CpuLayerWorkspace(_configuration, _rows));
        for (var layer = 0; layer < _configuration.LayerCount; layer++)
        {
            var layers = new Dictionary<EvaluatedModel, CpuDecoderLayer>();
            try
            {
                foreach (var model in rotary.Keys)
                {
                    layers.Add(model, CpuDecoderLayer.Load(model.Weights, model.Configuration, layer));
                }

                ForEachWindow(options, workspaces, (window, memory) =>
                {
                    for (var v = 0; v < states.Length; v++)
                    {
                        var variant = _request.Variants[v];
                        Take(states[v][window], memory);
                        layers[variant.Model].Run(memory, rotary[variant.Model], CacheOf(variant, layer));
                        Give(memory, states[v][window]);
                    }
                });
            }
            finally
            {
                foreach (var loaded in layers.Values)
                {
                    loaded.Dispose();
                }
            }
        }
    }

    private IReadOnlyList<VariantFigures> Score(Half[][][] states, ParallelOptions options)
    {
        var scores = new WindowScores[_windows][];
        using (var head = new HeadPass(_request.Variants, _rows))
        {
            using var memories = new Workspaces<FloatBuffer>(head.NewMemory);
            ForEachWindow(options, memories, (window, memory) =>
                scores[window] = head.Score(window, _request.Windows.Ids[window], [.. states.Select(variant => variant[window])], memory));
        }

        return [.. _request.Variants.Select((variant, v) => VariantFigures.Of(variant, [.. scores.Select(window => window[v])]))];
    }

    private IRowObserver CacheOf(EvaluationVariant variant, int layer) => variant.QuantizesCache
        ? new Int8Cache(variant.Model.KeyValueScales![layer], _configuration.HeadDimension)
        : NoCache.Instance;

    private void ForEachWindow<T>(ParallelOptions options, Workspaces<T> workspaces, Action<int, T> body)
        where T : IDisposable
    {
        var total = (long)_windows * (_configuration.LayerCount + 1);
        try
        {
            Parallel.For(0, _windows, options, workspaces.Rent, (window, _, memory) =>
            {
                body(window, memory);
                _progress?.Report(new EvaluationProgress(Interlocked.Increment(ref _done), total));
                return memory;
            }, workspaces.Return);
        }
        catch (AggregateException failures) when (failures.Flatten().InnerExceptions.OfType<EvaluationException>().FirstOrDefault() is { } failure)
        {
            throw failure;
        }
    }

    private unsafe void Take(Half[] states, CpuLayerWorkspace memory)
    {
        var channels = _configuration.HiddenSize;
        fixed (Half* from = states)
        {
            for (var row = 0; row < _rows; row++)
            {
                Float16Lanes.Load(from + ((nint)row * channels), memory.Hidden + (row * memory.HiddenStride), channels);
            }
        }
    }

    private unsafe void Give(CpuLayerWorkspace memory, Half[] states)
    {
        var channels = _configuration.HiddenSize;
        fixed (Half* to = states)
        {
            for (var row = 0; row < _rows; row++)
            {
                Float16Lanes.Store(memory.Hidden + (row * memory.HiddenStride), to + ((nint)row * channels), channels);
            }
        }
    }

    /// <summary>As many workspaces as threads were ever at work; kept from layer to layer.</summary>
    private sealed class Workspaces<T>(Func<T> make) : IDisposable
        where T : IDisposable
    {
        private readonly ConcurrentBag<T> _free = [];

        public T Rent() => _free.TryTake(out var workspace) ? workspace : make();

        public void Return(T workspace) => _free.Add(workspace);

        public void Dispose()
        {
            foreach (var workspace in _free)
            {
                workspace.Dispose();
            }
        }
    }
}
