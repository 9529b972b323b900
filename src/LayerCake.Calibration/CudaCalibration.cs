using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// Calibration on one GPU in native float16, a sample at a time as the original does it, so that products of the same shapes reach the same kernels. Hidden states
/// stay on the GPU, statistics too until a layer is done. The next layer is read into pinned memory meanwhile.
/// </summary>
/// <remarks>Also runs on a CPU device in libtorch's own operations, slowly; tests compare the fast kernels with that.</remarks>
internal sealed class CudaCalibration(CalibrationRequest request, CalibrationStatistics statistics, IProgress<CalibrationProgress>? progress)
{
    private static readonly Activation[] Activations = Enum.GetValues<Activation>();

    private readonly ModelConfiguration _configuration = request.Configuration;
    private readonly ModelFamily _family = ModelFamily.Of(request.Configuration);
    private readonly int _samples = request.Samples.Count;
    private readonly int _tokens = request.Samples[0].Length;
    private Task _merging = Task.CompletedTask;

    public void Run(Device device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var memory = new DeviceMemory(device);
        using var parts = new CalibrationParts(request, statistics);
        var finished = parts.Restore();
        var next = finished < _configuration.LayerCount ? LoadLayer(finished, device, cancellation) : Task.FromResult<LayerWeights?>(null);
        try
        {
            var hidden = finished > 0 ? parts.ReadStates().to(device) : EmbeddingRows.Load(request.Weights, _configuration, request.Samples, device);
            var (cosines, sines) = Rotary(device);
            for (var layer = finished; layer < _configuration.LayerCount; layer++)
            {
                using var loaded = next.GetAwaiter().GetResult();
                next = layer + 1 < _configuration.LayerCount ? LoadLayer(layer + 1, device, cancellation) : Task.FromResult<LayerWeights?>(null);
                using var current = new TorchDecoderLayer(loaded!.To(device), _configuration);
                RunLayer(layer, current, hidden, cosines, sines, memory, parts, cancellation);
            }

            RunFinalNorm(hidden, device);
            _merging.GetAwaiter().GetResult();
        }
        finally
        {
            ((IAsyncResult)_merging).AsyncWaitHandle.WaitOne();
            Discard(next);
        }
    }

    private Task<LayerWeights?> LoadLayer(int layer, Device device, CancellationToken cancellation) => Task.Run(
        LayerWeights? () => LayerWeights.Load(request.Weights, _configuration, layer, pinned: device.type == DeviceType.CUDA), cancellation);

    private static void Discard(Task<LayerWeights?> loading)
    {
        ((IAsyncResult)loading).AsyncWaitHandle.WaitOne();
        if (loading.IsCompletedSuccessfully)
        {
            loading.Result?.Dispose();
        }
        else
        {
            _ = loading.Exception;
        }
    }

    private void RunLayer(
        int layer, TorchDecoderLayer weights, Tensor hidden, Tensor cosines, Tensor sines, DeviceMemory memory, CalibrationParts parts, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var observer = new Observer(_samples);
        var name = _family.Layer(layer);
        for (var sample = 0; sample < _samples; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var sampleScope = NewDisposeScope();
            observer.Sample = sample;
            var states = hidden[sample];
            states.copy_(weights.Run(states, cosines, sines, observer));
            if (sample + 1 < _samples)
            {
                progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, name, sample + 1, _samples, memory.Peak));
            }
        }

        var observations = new LayerObservations(_samples);
        observer.Deliver(observations, _family, layer);

        // The host merges and keeps this layer while the GPU computes the next, which changes the hidden states: they are kept from a copy.
        _merging.GetAwaiter().GetResult();
        var kept = parts.WantStates ? Copy(hidden) : null;
        _merging = Task.Run(() => Merge(layer, observations, parts, kept), CancellationToken.None);
        memory.Measure();
        progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, name, _samples, _samples, memory.Peak));
    }

    private void Merge(int layer, LayerObservations observations, CalibrationParts parts, Tensor? states)
    {
        using (states)
        {
            observations.MergeInto(statistics, _family, layer);
            if (parts.AreKept)
            {
                parts.Write(layer, parts.Serialize(layer), states is null ? 0 : TensorLoading.NativeMemoryOf(states));
            }
        }
    }

    /// <summary>On the host, and no scope's.</summary>
    private static Tensor Copy(Tensor hidden) => (hidden.device_type == DeviceType.CPU ? hidden.clone() : hidden.cpu()).DetachFromDisposeScope();

    private void RunFinalNorm(Tensor hidden, Device device)
    {
        using var scope = NewDisposeScope();
        var weight = LayerWeights.LoadFinite(request.Weights, $"{_family.FinalNorm}.weight", [_configuration.HiddenSize], device);

        // Over all samples as one, yet a sample at a time in memory.
        var sum = zeros([_configuration.HiddenSize], ScalarType.Float32, device);
        var absoluteSum = zeros_like(sum);
        var max = full([_configuration.HiddenSize], double.NegativeInfinity, ScalarType.Float32, device);
        var min = full([_configuration.HiddenSize], double.PositiveInfinity, ScalarType.Float32, device);
        for (var sample = 0; sample < _samples; sample++)
        {
            using var sampleScope = NewDisposeScope();
            var states = hidden[sample];
            var normed = TorchDecoderLayer.Norm(device.type == DeviceType.CUDA ? states : states.to(ScalarType.Float32), weight, _configuration.RmsNormEpsilon);
            sum.add_(normed.sum(0, type: ScalarType.Float32));
            absoluteSum.add_(normed.abs().sum(0, type: ScalarType.Float32));
            max.copy_(maximum(max, normed.amax([0L]).to(ScalarType.Float32)));
            min.copy_(minimum(min, normed.amin([0L]).to(ScalarType.Float32)));
        }

        var reciprocal = 1f / ((float)_samples * _tokens);
        using var whole = new DeviceStatistics(1);
        whole.Add(0, max, min, sum * reciprocal, absoluteSum * reciprocal);
        var result = whole.Read(out var notFinite)[0];
        if (notFinite >= 0)
        {
            throw NotFinite($"the output of {_family.FinalNorm}", null);
        }

        statistics.Outputs[_family.FinalNorm].Update(result.Max, result.Min, result.Mean, result.AbsMax, result.AbsMean);
    }

    private (Tensor Cosines, Tensor Sines) Rotary(Device device)
    {
        var table = RotaryAngles.Table(_configuration, _tokens);
        return (Both(table.Cosines), Both(table.Sines));

        Tensor Both(ReadOnlySpan<float> half)
        {
            var values = tensor(half.ToArray()).view(_tokens, table.Half);
            return cat([values, values], 1).to(ScalarType.Float16).to(device);
        }
    }

    private static CalibrationException NotFinite(string what, int? sample) => new(
        $"{(sample is null ? "" : $"In sample {sample}, ")}{what} is infinite or not a number in float16, which the engine computes in. " +
        "The model does not work in float16, or its weights are damaged: try it with other software first.");

    private sealed class Observer(int samples) : ITensorObserver, IDisposable
    {
        private readonly DeviceStatistics[] _statistics = [.. Activations.Select(_ => new DeviceStatistics(samples))];

        public int Sample { get; set; }

        public void Observe(Activation activation, Tensor values)
        {
            using var magnitudes = values.abs();
            _statistics[(int)activation].Add(Sample, values.amax([0L]), values.amin([0L]), values.mean([0L]), magnitudes.mean([0L]));
        }

        public void Deliver(LayerObservations observations, ModelFamily family, int layer)
        {
            // In the order the activations arise, so that the first fault is named.
            foreach (var activation in Activations)
            {
                var result = _statistics[(int)activation].Read(out var notFinite);
                if (notFinite >= 0)
                {
                    throw NotFinite(LayerObservations.Describe(activation, family, layer), notFinite);
                }

                for (var sample = 0; sample < samples; sample++)
                {
                    observations.Add(activation, sample, result[sample]);
                }
            }
        }

        public void Dispose()
        {
            foreach (var statistics in _statistics)
            {
                statistics.Dispose();
            }
        }
    }
}
