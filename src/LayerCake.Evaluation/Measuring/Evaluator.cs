using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>
/// Measures variants of one model side by side: all windows go through a layer of every variant before the next layer is read. So memory holds one layer of each
/// model, and what a layer does to the variants can be compared while it happens. The kernels are those of calibration: every figure has the same bits on every
/// machine and for any number of threads.
/// </summary>
public static class Evaluator
{
    /// <summary>Names what decides the bits of a figure besides models and text; for keys and protocols.</summary>
    public const string Numerics = "cpu-2";

    /// <summary>Measures.</summary>
    /// <exception cref="EvaluationException">Variants of different models, ids that a model lacks, logits that are no numbers.</exception>
    /// <exception cref="Checkpoints.CheckpointException">Weights cannot be read.</exception>
    /// <exception cref="Models.ModelException">A weight is not finite in float16.</exception>
    public static QualityReport Run(EvaluationRequest request, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.Variants.Count);
        foreach (var variant in request.Variants)
        {
            variant.Model.ThrowIfOther(request.Variants[0].Model);
            request.Windows.Check(variant.Model);
            if (variant is { QuantizesCache: true, Model.KeyValueScales: null })
            {
                throw new EvaluationException($"{variant.Model.Path} has no scales for an int8 KV cache: run kv_qparams for it.");
            }
        }

        var windows = request.Windows.Ids.Count;
        var configuration = request.Variants[0].Model.Configuration;
        var threads = Math.Min(request.Threads > 0 ? request.Threads : Environment.ProcessorCount, windows);
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        var (done, total) = (0L, (long)windows * (configuration.LayerCount + 1));
        Action windowDone = () => progress?.Report(new EvaluationProgress(Interlocked.Increment(ref done), total));

        var layers = new LayerPass(request);
        layers.Run(options, windowDone);
        var scores = Score(request, layers, options, windowDone);
        return new QualityReport
        {
            Protocol = EvaluationProtocol.Of(request.Windows),
            Variants = [.. request.Variants.Select((variant, v) => VariantFigures.Of(variant, [.. scores.Select(window => window[v])]))],
            Layers = layers.Layers,
            CacheVariant = layers.CacheVariant.Name,
            CacheTokens = (long)Math.Min(windows, LayerPass.SampledWindows) * request.Windows.Length,
            Heads = layers.Heads,
            Outliers = layers.Outliers,
            ContextLength = request.Variants[^1].Model.SessionLength,
        };
    }

    private static WindowScores[][] Score(EvaluationRequest request, LayerPass layers, ParallelOptions options, Action windowDone)
    {
        var windows = request.Windows.Ids;
        var scores = new WindowScores[windows.Count][];
        using var head = new HeadPass(request.Variants, request.Windows.Length);
        using var memories = new Workspaces<FloatBuffer>(head.NewMemory);
        memories.ForEach<EvaluationException>(windows.Count, options, (window, memory) =>
        {
            scores[window] = head.Score(window, windows[window], [.. layers.States.Select(variant => variant[window])], memory);
            windowDone();
        });
        return scores;
    }
}
