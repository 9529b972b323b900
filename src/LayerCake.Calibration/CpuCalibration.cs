using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch.Layers;

namespace LayerCake.Calibration;

/// <summary>
/// Calibration on the CPU. Every thread takes whole samples through a layer on its own: nothing that one sample gives can depend on how many threads there are
/// or on its neighbours, and its activations stay in the thread's cache. The next layer is read and packed meanwhile.
/// </summary>
internal sealed class CpuCalibration(CalibrationRequest request, CalibrationStatistics statistics, IProgress<CalibrationProgress>? progress)
{
    private readonly ModelConfiguration _configuration = request.Configuration;
    private readonly ModelFamily _family = ModelFamily.Of(request.Configuration);
    private readonly int _samples = request.Samples.Count;
    private readonly int _tokens = request.Samples[0].Length;

    public unsafe void Run(CancellationToken cancellation)
    {
        var threads = request.Threads > 0 ? request.Threads : Environment.ProcessorCount;
        threads = Math.Min(threads, _samples);
        if (request.MemoryBudget is { } budget)
        {
            threads = CalibrationMemory.ThreadsWithin(budget, _configuration, _samples, _tokens, threads);
        }

        using var workspaces = new Workspaces<CpuLayerWorkspace>(() => new CpuLayerWorkspace(_configuration, _tokens));
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        using var parts = new CalibrationParts(request, statistics);
        var finished = parts.Restore();
        var next = finished < _configuration.LayerCount ? LoadLayer(finished, cancellation) : Nothing;
        try
        {
            using var hidden = new NativeBuffer((long)_samples * _tokens * _configuration.HiddenSize * sizeof(ushort));
            if (finished > 0)
            {
                parts.ReadStates(hidden.Pointer);
            }
            else
            {
                using var rows = new EmbeddingRows(request.Weights, _configuration, request.Samples);
                rows.CopyTo(request.Samples, (Half*)hidden.Pointer);
            }

            var rotary = RotaryAngles.Table(_configuration, _tokens);
            for (var layer = finished; layer < _configuration.LayerCount; layer++)
            {
                using var current = next.GetAwaiter().GetResult();
                next = layer + 1 < _configuration.LayerCount ? LoadLayer(layer + 1, cancellation) : Nothing;
                RunLayer(layer, current!, hidden, rotary, workspaces, parts, options);
            }

            RunFinalNorm(hidden, workspaces, options);
        }
        finally
        {
            ReadingAhead.Settle(next)?.Dispose();
        }
    }

    private static Task<CpuDecoderLayer?> Nothing => Task.FromResult<CpuDecoderLayer?>(null);

    private Task<CpuDecoderLayer?> LoadLayer(int layer, CancellationToken cancellation) =>
        Task.Run(CpuDecoderLayer? () => CpuDecoderLayer.Load(request.Weights, _configuration, layer), cancellation);

    private unsafe void RunLayer(
        int layer, CpuDecoderLayer weights, NativeBuffer hidden, RotaryTable rotary, Workspaces<CpuLayerWorkspace> workspaces, CalibrationParts parts, ParallelOptions options)
    {
        var observations = new LayerObservations(_samples);
        var name = _family.Layer(layer);
        var size = (nint)_tokens * _configuration.HiddenSize;
        var states = (Half*)hidden.Pointer;
        var done = 0;
        workspaces.ForEach<CalibrationException>(_samples, options, (sample, memory) =>
        {
            Float16Lanes.LoadRows(states + (sample * size), memory.Hidden, memory.HiddenStride, _tokens, _configuration.HiddenSize);
            weights.Run(memory, rotary, new Observer(observations, sample, layer, _family));
            Float16Lanes.StoreRows(memory.Hidden, memory.HiddenStride, states + (sample * size), _tokens, _configuration.HiddenSize);
            var count = Interlocked.Increment(ref done);
            if (count < _samples)
            {
                progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, name, count, _samples, 0));
            }
        });

        observations.MergeInto(statistics, _family, layer);
        parts.Keep(layer, (nint)states);
        progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, name, _samples, _samples, 0));
    }

    /// <summary>The original runs the final norm once over all samples, so its means are over all their tokens and are merged once.</summary>
    private unsafe void RunFinalNorm(NativeBuffer hidden, Workspaces<CpuLayerWorkspace> workspaces, ParallelOptions options)
    {
        var channels = _configuration.HiddenSize;
        var name = $"{_family.FinalNorm}.weight";
        using var loaded = HalfTensors.Load(request.Weights, name, channels);
        using var weight = FloatBuffer.From((Half*)loaded.Pointer, channels, PanelProduct.Stride(channels));
        var size = (nint)_tokens * channels;
        var states = (Half*)hidden.Pointer;
        var extremes = new SampleStatistics[_samples];
        var sums = new float[_samples][];
        var absoluteSums = new float[_samples][];
        workspaces.ForEach<CalibrationException>(_samples, options, (sample, memory) =>
        {
            Float16Lanes.LoadRows(states + (sample * size), memory.Hidden, memory.HiddenStride, _tokens, _configuration.HiddenSize);
            Elementwise.RmsNorm(memory.Hidden, memory.Normed, _tokens, memory.HiddenStride, channels, weight.Pointer, (float)_configuration.RmsNormEpsilon);
            (sums[sample], absoluteSums[sample]) = (new float[channels], new float[channels]);
            extremes[sample] = ChannelReduction.Reduce(memory.Normed, _tokens, memory.HiddenStride, channels, sums[sample], absoluteSums[sample])
                ?? throw Observer.NotFinite($"the output of {_family.FinalNorm}", sample);
        });

        var whole = new ActivationStatistics(channels);
        foreach (var sample in extremes)
        {
            whole.Update(sample.Max, sample.Min, sample.Mean, sample.AbsMax, sample.AbsMean);
        }

        statistics.Outputs[_family.FinalNorm].Update(whole.Max, whole.Min, Mean(sums), whole.AbsMax, Mean(absoluteSums));
    }

    private Half[] Mean(float[][] sums)
    {
        var reciprocal = 1f / ((float)_samples * _tokens);
        var mean = new Half[sums[0].Length];
        for (var channel = 0; channel < mean.Length; channel++)
        {
            double sum = 0;
            foreach (var sample in sums)
            {
                sum += sample[channel];
            }

            mean[channel] = (Half)((float)sum * reciprocal);
        }

        return mean;
    }

    private sealed unsafe class Observer(LayerObservations observations, int sample, int layer, ModelFamily family) : IRowObserver
    {
        public void Observe(Activation activation, float* values, int rows, nint stride, int channels) =>
            observations.Add(activation, sample, ChannelReduction.Reduce(values, rows, stride, channels)
                ?? throw NotFinite(LayerObservations.Describe(activation, family, layer), sample));

        public static CalibrationException NotFinite(string what, int sample) => new(
            $"In sample {sample}, {what} is infinite or not a number in float16, which the engine computes in. " +
            "The model does not work in float16, or its weights are damaged: try it with other software first.");
    }
}
