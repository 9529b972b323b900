using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// Learns codes, scales, norms and biases of consecutive layers, so that they give, on the quantized model's hidden states, what the float model has there: Adam on the
/// mean squared difference of hidden states, or, where the span ends with the model's last layer, on the Kullback–Leibler divergence of the next token's
/// distribution. Samples come in an order that the seed decides. Some are held back: what does best on them is kept, the beginning included.
/// </summary>
internal sealed unsafe class SpanLearner(ModelConfiguration configuration, LearningSettings settings, Device device, Action<string>? progress)
{
    /// <summary>Fixed, because libtorch's sums depend on it.</summary>
    private const int Threads = 2;

    /// <param name="originals">The float layers.</param>
    /// <param name="layers">What was found for them; their codes get what is learned.</param>
    /// <param name="before">The quantized model's hidden states before the span.</param>
    /// <param name="wanted">The float model's after it.</param>
    /// <param name="head">After the last layer of the model, else null.</param>
    /// <param name="first">The span's first layer.</param>
    /// <param name="threads">For writing what was learned.</param>
    public LearnedSpan Run(
        IReadOnlyList<StagedLayer> originals, IReadOnlyList<ReconstructedLayer> layers, HiddenStates before, HiddenStates wanted, OutputHead? head, int first, int threads,
        CancellationToken cancellation)
    {
        var threadsBefore = get_num_threads();
        set_num_threads(Threads);
        using var scope = NewDisposeScope();
        using var rotary = new RotaryTensors(configuration, before.Tokens, device);
        LearnedLayer[] learned = [.. layers.Select(layer => new LearnedLayer(layer, configuration, rotary, device))];
        try
        {
            var data = new Data(learned, ToDevice(before), ToDevice(wanted), head);
            var (held, used) = Split(before.Samples);
            var start = Measure(data, held);
            var (best, kept) = Descend(data, held, new SampleOrder(used, settings.Seed, first), start, cancellation);
            var done = kept is null ? layers : [.. learned.Select((layer, i) => layer.Write(layers[i], originals[i], kept[i], threads))];
            return new LearnedSpan(done, start, best);
        }
        finally
        {
            foreach (var layer in learned)
            {
                layer.Dispose();
            }

            set_num_threads(threadsBefore);
        }
    }

    /// <param name="Layers">The span.</param>
    /// <param name="Before">[samples, tokens, hidden], float16.</param>
    /// <param name="Wanted">The same after the span.</param>
    private sealed record Data(LearnedLayer[] Layers, Tensor Before, Tensor Wanted, OutputHead? Head);

    private (double Best, IReadOnlyList<Tensor>[]? Kept) Descend(Data data, int[] held, SampleOrder order, double start, CancellationToken cancellation)
    {
        using var codes = optim.Adam(data.Layers.SelectMany(layer => layer.Codes), settings.CodeRate, 0.9, 0.99);
        using var scales = optim.Adam(data.Layers.SelectMany(layer => layer.Scales), settings.ScaleRate, 0.9, 0.99);
        using var vectors = optim.Adam(data.Layers.SelectMany(layer => layer.Vectors), settings.VectorRate, 0.9, 0.99);
        (optim.Optimizer Optimizer, double Rate)[] optimizers = [(codes, settings.CodeRate), (scales, settings.ScaleRate), (vectors, settings.VectorRate)];
        var samplesPerStep = Math.Max(1, settings.TokensPerStep / (int)data.Before.shape[1]);
        var every = Math.Max(1, settings.Steps / settings.Checks);
        var (best, idle, step) = (start, 0, 0);
        IReadOnlyList<Tensor>[]? kept = null;
        while (step < settings.Steps && idle < settings.Patience)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var (optimizer, rate) in optimizers)
            {
                SetRate(optimizer, rate * (1 - ((step + 1.0) / (settings.Steps + 1))));
            }

            Step(data, order.Next(samplesPerStep), 1 / Math.Max(start, 1e-12), optimizers);
            if (++step % every == 0 || step == settings.Steps)
            {
                var now = Measure(data, held);
                progress?.Invoke(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"step {step} of {settings.Steps}: {now / Math.Max(start, 1e-12):0.000} of the error on held-back samples"));
                idle++;
                if (now < best)
                {
                    foreach (var tensor in kept?.SelectMany(tensors => tensors) ?? [])
                    {
                        tensor.Dispose();
                    }

                    (idle, best, kept) = (0, now, [.. data.Layers.Select(layer => layer.Snapshot())]);
                }
            }
        }

        return (best, kept);
    }

    private static void Step(Data data, int[] samples, double weight, (optim.Optimizer Optimizer, double Rate)[] optimizers)
    {
        using var scope = NewDisposeScope();
        foreach (var (optimizer, _) in optimizers)
        {
            optimizer.zero_grad();
        }

        (Loss(data, samples) * weight).backward();
        foreach (var (optimizer, _) in optimizers)
        {
            optimizer.step();
        }
    }

    private static double Measure(Data data, int[] samples)
    {
        using var none = no_grad();
        var sum = 0.0;
        foreach (var sample in samples)
        {
            using var scope = NewDisposeScope();
            sum += Loss(data, [sample]).item<float>();
        }

        return sum / samples.Length;
    }

    private static Tensor Loss(Data data, int[] samples)
    {
        var index = tensor(samples.Select(sample => (long)sample).ToArray(), ScalarType.Int64).to(data.Before.device);
        var hidden = data.Before.index_select(0, index).to(ScalarType.Float32);
        var wanted = data.Wanted.index_select(0, index).to(ScalarType.Float32);
        foreach (var layer in data.Layers)
        {
            hidden = layer.Run(hidden);
        }

        if (data.Head is null)
        {
            return (hidden - wanted).square().mean();
        }

        var (target, given) = (data.Head.LogProbabilities(wanted), data.Head.LogProbabilities(hidden));
        return (target.exp() * (target - given)).sum(-1).mean();
    }

    /// <summary>Every n-th sample is held back, and always one; a single sample is both.</summary>
    private (int[] Held, int[] Used) Split(int samples)
    {
        int[] held = [.. Enumerable.Range(0, samples).Where(sample => sample % settings.HeldBackOneIn == settings.HeldBackOneIn - 1)];
        held = held.Length > 0 ? held : [samples - 1];
        return (held, samples > 1 ? [.. Enumerable.Range(0, samples).Except(held)] : held);
    }

    private Tensor ToDevice(HiddenStates states)
    {
        var values = empty([states.Samples, states.Tokens, states.Channels], ScalarType.Float16);
        for (var sample = 0; sample < states.Samples; sample++)
        {
            var bytes = 2 * states.Tokens * states.Channels;
            using var row = values[sample];
            new Span<byte>(states.Sample(sample), bytes).CopyTo(row.bytes);
        }

        return values.to(device);
    }

    private static void SetRate(optim.Optimizer optimizer, double rate)
    {
        foreach (var group in optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }
    }
}
