using System.Runtime.Intrinsics;
using LayerCake.Models;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// Takes all samples through parts of a layer, a batch at a time, the quantized model's activations and beside them, where wanted, the float model's. Whatever the
/// batches and threads, samples are added to sums in their order.
/// </summary>
internal sealed unsafe class ActivationPass : IDisposable
{
    private readonly ModelConfiguration _configuration;
    private readonly ParallelOptions _options;
    private readonly SampleBuffers[] _quantized;
    private readonly SampleBuffers[] _float;
    private readonly int _samples;

    /// <param name="batch">Samples in memory at once.</param>
    /// <param name="withFloatModel">Whether the float model's activations are computed too.</param>
    public ActivationPass(ModelConfiguration configuration, int samples, int tokens, int batch, bool withFloatModel, ParallelOptions options)
    {
        (_configuration, _samples, Tokens, _options) = (configuration, samples, tokens, options);
        _quantized = Buffers(Math.Min(batch, samples));
        _float = withFloatModel ? Buffers(Math.Min(batch, samples)) : [];

        SampleBuffers[] Buffers(int count) => [.. Enumerable.Range(0, count).Select(_ => new SampleBuffers(configuration, tokens))];
    }

    /// <summary>Takes a sample through a part of the layer.</summary>
    /// <param name="quantized">Buffers of the quantized model.</param>
    /// <param name="float">Buffers of the float model, or null.</param>
    /// <param name="sample">Which sample.</param>
    public delegate void Stage(SampleBuffers quantized, SampleBuffers? @float, int sample);

    public int Tokens { get; }

    /// <summary>Runs a part of the layer for the first <paramref name="samples"/>.</summary>
    public void Run(Stage stage, int samples)
    {
        for (var first = 0; first < samples; first += _quantized.Length)
        {
            RunBatch(first, Math.Min(_quantized.Length, samples - first), stage);
        }
    }

    /// <summary>Runs a part of the layer for every sample and sums up what the linears after it read.</summary>
    /// <param name="inputs">Channels of that.</param>
    /// <param name="input">Where it is, in the quantized model's buffers, and its stride.</param>
    /// <param name="difference">What of the float model is observed beside it.</param>
    /// <param name="centred">Whether moments are taken around the mean.</param>
    /// <param name="stage">The part. Where a difference is observed it leaves it in the float model's <see cref="SampleBuffers.Normed"/>.</param>
    public InputMoments Observe(
        int inputs, Func<SampleBuffers, (nint Pointer, nint Stride)> input, InputMoments.Difference difference, bool centred, Stage stage)
    {
        var moments = new InputMoments(inputs, difference, _configuration.HiddenSize);
        for (var first = 0; first < _samples; first += _quantized.Length)
        {
            var count = Math.Min(_quantized.Length, _samples - first);
            RunBatch(first, count, (quantized, @float, sample) =>
            {
                stage(quantized, @float, sample);
                var (pointer, stride) = input(quantized);
                quantized.Transpose((float*)pointer, stride, inputs);
            });
            nint[] differences = difference == InputMoments.Difference.None ? [] : [.. _float.Take(count).Select(buffers => (nint)buffers.Normed)];
            moments.Add(
                [.. _quantized.Take(count).Select(buffers => input(buffers).Pointer)], input(_quantized[0]).Stride,
                [.. _quantized.Take(count).Select(buffers => (nint)buffers.Transposed)], differences, _quantized[0].HiddenStride, Tokens, _options);
        }

        moments.Complete((long)_samples * Tokens, centred);
        return moments;
    }

    /// <summary>to = a − b.</summary>
    public static void Subtract(float* a, float* b, float* to, nint count)
    {
        for (nint i = 0; i < count; i += Float16Lanes.Width)
        {
            (Vector512.Load(a + i) - Vector512.Load(b + i)).Store(to + i);
        }
    }

    public void Dispose()
    {
        foreach (var buffers in _quantized.Concat(_float))
        {
            buffers.Dispose();
        }
    }

    private void RunBatch(int first, int count, Stage stage) =>
        Parallel.For(0, count, _options, i => stage(_quantized[i], _float.Length > 0 ? _float[i] : null, first + i));
}
