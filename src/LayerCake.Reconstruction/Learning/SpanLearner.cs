using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// Learns codes, scales, norms and biases of consecutive layers, so that they give, on the quantized model's hidden states, what the float model has there: Adam on the
/// mean squared difference of hidden states, or, where the span ends with the model's last layer, on the Kullback–Leibler divergence of the next token's
/// distribution. Samples come in an order that the seed decides. Some are held back: what does best on them is kept, the beginning included.
/// </summary>
internal sealed class SpanLearner(ModelConfiguration configuration, LearningSettings settings, Device device, Action<string>? progress)
{
    /// <summary>Of the processor; fixed, because libtorch's sums depend on it.</summary>
    private const int Threads = 2;

    /// <param name="before">The quantized model's hidden states before the span.</param>
    /// <param name="wanted">The float model's after it.</param>
    /// <param name="head">After the last layer of the model, else null.</param>
    /// <param name="first">The span's first layer.</param>
    public LearnedSpan Run(IReadOnlyList<SpanLayer> layers, DeviceStates before, DeviceStates wanted, OutputHead? head, int first, CancellationToken cancellation)
    {
        var threadsBefore = get_num_threads();
        set_num_threads(Threads);
        using var fast = TensorFloat32.Allow();
        using var scope = NewDisposeScope();
        using var rotary = new RotaryTensors(configuration, before.Tokens, device);
        using var attention = new LearnedAttention(configuration, before.Tokens, device);
        LearnedLayer[] learned = [.. layers.Select(layer => new LearnedLayer(layer, head is null ? settings.HiddenDistance : 0, configuration, rotary, attention, device))];
        try
        {
            var data = new Data(NameOf(first, learned.Length), learned, before, wanted, head);
            var (held, used) = Split(before.Samples);
            var error = Measure(data, held);
            var (best, kept) = Descend(data, held, new SampleOrder(used, settings.Seed, first), error, cancellation);
            return new LearnedSpan(kept, error, best);
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

    /// <param name="Name">What progress calls the span.</param>
    /// <param name="Layers">Its layers.</param>
    /// <param name="Before">Hidden states before it.</param>
    /// <param name="Wanted">The same after the span.</param>
    private sealed record Data(string Name, LearnedLayer[] Layers, DeviceStates Before, DeviceStates Wanted, OutputHead? Head);

    private (double Best, LearnedValues[]? Kept) Descend(Data data, int[] held, SampleOrder order, double start, CancellationToken cancellation)
    {
        var codeRate = data.Head is null ? settings.HiddenCodeRate : settings.CodeRate;
        using var codes = optim.Adam(data.Layers.SelectMany(layer => layer.Codes), codeRate, 0.9, 0.99);
        using var scales = optim.Adam(data.Layers.SelectMany(layer => layer.Scales), settings.ScaleRate, 0.9, 0.99);
        using var vectors = optim.Adam(data.Layers.SelectMany(layer => layer.Vectors), settings.VectorRate, 0.9, 0.99);
        (optim.Optimizer Optimizer, double Rate)[] optimizers = [(codes, codeRate), (scales, settings.ScaleRate), (vectors, settings.VectorRate)];
        var samplesPerStep = Math.Max(1, (data.Head is null ? settings.HiddenTokensPerStep : settings.TokensPerStep) / data.Before.Tokens);
        var every = Math.Max(1, settings.Steps / settings.Checks);
        var (best, idle, step) = (start, 0, 0);
        LearnedValues[]? kept = null;
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
                progress?.Invoke(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{data.Name}: step {step} of {settings.Steps}: {now / Math.Max(start, 1e-12):0.000} of the error on held-back samples."));
                idle++;
                if (now < best)
                {
                    foreach (var layer in kept ?? [])
                    {
                        layer.Dispose();
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
        var hidden = data.Before.Read(samples).to(ScalarType.Float32);
        var wanted = data.Wanted.Read(samples).to(ScalarType.Float32);
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

    private string NameOf(int first, int count)
    {
        var family = ModelFamily.Of(configuration);
        return count == 1 ? family.Layer(first) : $"{family.Layer(first)} to {family.Layer(first + count - 1)}";
    }

    private static void SetRate(optim.Optimizer optimizer, double rate)
    {
        foreach (var group in optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }
    }
}
