using System.Runtime.InteropServices;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Torch;
using LayerCake.Torch.Cuda;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// Calibration on one GPU in native float16, many samples at a time. Hidden states and statistics stay on the GPU until a layer is done; while it computes one layer,
/// the next is read on the host and sent behind it.
/// </summary>
/// <remarks>Also runs on a CPU device in libtorch's own operations, slowly; tests compare the fast kernels with that.</remarks>
internal sealed class CudaCalibration(CalibrationRequest request, CalibrationStatistics statistics, IProgress<CalibrationProgress>? progress)
{
    private readonly ModelConfiguration _configuration = request.Configuration;
    private readonly ModelFamily _family = ModelFamily.Of(request.Configuration);
    private readonly int _samples = request.Samples.Count;
    private readonly int _tokens = request.Samples[0].Length;
    private int _samplesAtOnce = DeviceBatches.SamplesAtOnce(request.Configuration, request.Samples.Count, request.Samples[0].Length);
    private Task _merging = Task.CompletedTask;

    /// <summary>What computes instead of the kernels; null for those, which only a GPU has.</summary>
    public ILayerOperations? Plain { get; init; }

    /// <summary>How many samples are taken through a layer at once.</summary>
    public int SamplesAtOnce
    {
        get => _samplesAtOnce;
        init => _samplesAtOnce = value;
    }

    public void Run(Device device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var memory = new DeviceMemory(device);
        RequireMemory(memory);
        try
        {
            // Pinning a layer's memory takes as long as compiling the kernels.
            var staging = Task.Run(() => new LayerStaging(_configuration, pinned: device.type == DeviceType.CUDA), CancellationToken.None);
            try
            {
                if (device.type == DeviceType.CUDA && Plain is null)
                {
                    using var kernels = LayerKernels.Load();
                    using var observer = new KernelStatistics(kernels, _configuration, _samples, device);
                    Run(device, new KernelOperations(kernels), observer, staging, memory, cancellation);
                }
                else
                {
                    using var observer = new PlainStatistics(_samples);
                    Run(device, Plain ?? new PlainOperations(native: false), observer, staging, memory, cancellation);
                }
            }
            finally
            {
                ReadingAhead.Settle(staging)?.Dispose();
            }
        }
        catch (ExternalException failure) when (IsOutOfMemory(failure))
        {
            throw TooLittleMemory(memory, failure);
        }
    }

    private void Run(Device device, ILayerOperations operations, ILayerStatistics observer, Task<LayerStaging> preparing, DeviceMemory memory, CancellationToken cancellation)
    {
        using var parts = new CalibrationParts(request, statistics);
        var reading = Task.FromResult(true);
        LayerWeights? weights = null;
        try
        {
            var finished = parts.Restore();
            var hidden = finished > 0 ? KeptStates(parts).to(device) : EmbeddingRows.Load(request.Weights, _configuration, request.Samples, device);
            var (cosines, sines) = RotaryAngles.Tensors(_configuration, _tokens, device);
            var staging = preparing.GetAwaiter().GetResult();
            if (finished < _configuration.LayerCount)
            {
                staging.Read(request.Weights, finished, cancellation);
                weights = staging.To(device);
            }

            for (var layer = finished; layer < _configuration.LayerCount; layer++)
            {
                using var current = new TorchDecoderLayer(weights!, _configuration, operations);
                weights = null;
                if (layer + 1 < _configuration.LayerCount)
                {
                    var next = layer + 1;
                    reading = Task.Run(() => Read(staging, next, cancellation), CancellationToken.None);
                }

                observer.Clear();
                RunBatches(layer, current, hidden, cosines, sines, observer, memory, cancellation);
                reading.GetAwaiter().GetResult();
                if (layer + 1 < _configuration.LayerCount)
                {
                    // Queued before this layer is waited for: the GPU has the next one when it is done, and the staging memory is free again after the wait.
                    weights = staging.To(device);
                }

                Finish(layer, hidden, observer, memory, parts);
            }

            RunFinalNorm(hidden, operations, device);
            _merging.GetAwaiter().GetResult();
        }
        finally
        {
            ((IAsyncResult)_merging).AsyncWaitHandle.WaitOne();
            ReadingAhead.Settle(reading);
            weights?.Dispose();
        }
    }

    private bool Read(LayerStaging staging, int layer, CancellationToken cancellation)
    {
        staging.Read(request.Weights, layer, cancellation);
        return true;
    }

    private void RunBatches(
        int layer, TorchDecoderLayer weights, Tensor hidden, Tensor cosines, Tensor sines, ILayerStatistics observer, DeviceMemory memory, CancellationToken cancellation)
    {
        var name = _family.Layer(layer);
        for (var first = 0; first < _samples;)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(_samplesAtOnce, _samples - first);
            try
            {
                using var scope = NewDisposeScope();
                observer.FirstSample = first;
                var states = hidden.narrow(0, first, count);
                states.copy_(weights.Run(states, cosines, sines, observer));
            }
            catch (ExternalException failure) when (IsOutOfMemory(failure) && count > 1)
            {
                // Less than planned is free: others use the GPU too. The states have not changed, so half of the samples can be taken again.
                _samplesAtOnce = count / 2;
                continue;
            }

            first += count;
            if (first < _samples)
            {
                progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, name, first, _samples, memory.Peak));
            }
        }
    }

    private void Finish(int layer, Tensor hidden, ILayerStatistics observer, DeviceMemory memory, CalibrationParts parts)
    {
        SampleStatistics[] merged;
        try
        {
            merged = observer.Merge();
        }
        catch (NotFiniteException failure)
        {
            throw NotFinite(LayerObservations.Describe(failure.Activation, _family, layer), failure.Sample);
        }

        // This layer is kept while the GPU computes the next, which changes the hidden states: they are kept from a copy.
        _merging.GetAwaiter().GetResult();
        LayerObservations.Put(merged, statistics, _family, layer);
        if (parts.AreKept)
        {
            var kept = parts.WantStates ? Copy(hidden) : null;
            _merging = Task.Run(() => Keep(layer, parts, kept), CancellationToken.None);
        }

        memory.Measure();
        progress?.Report(new CalibrationProgress(layer, _configuration.LayerCount, _family.Layer(layer), _samples, _samples, memory.Peak));
    }

    private unsafe Tensor KeptStates(CalibrationParts parts)
    {
        var states = empty([request.Samples.Count, _tokens, _configuration.HiddenSize], ScalarType.Float16);
        parts.ReadStates((byte*)TensorLoading.NativeMemoryOf(states));
        return states;
    }

    private static void Keep(int layer, CalibrationParts parts, Tensor? states)
    {
        using (states)
        {
            parts.Write(layer, parts.Serialize(layer), states is null ? 0 : TensorLoading.NativeMemoryOf(states));
        }
    }

    /// <summary>On the host, and no scope's.</summary>
    private static Tensor Copy(Tensor hidden) => (hidden.device_type == DeviceType.CPU ? hidden.clone() : hidden.cpu()).DetachFromDisposeScope();

    private void RunFinalNorm(Tensor hidden, ILayerOperations operations, Device device)
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
            var normed = operations.Norm(operations.Enter(hidden[sample]), weight, _configuration.RmsNormEpsilon);
            sum.add_(normed.sum(0, type: ScalarType.Float32));
            absoluteSum.add_(normed.abs().sum(0, type: ScalarType.Float32));
            max.copy_(maximum(max, normed.amax([0L]).to(ScalarType.Float32)));
            min.copy_(minimum(min, normed.amin([0L]).to(ScalarType.Float32)));
        }

        var reciprocal = 1f / ((float)_samples * _tokens);
        var all = stack([max, min, sum * reciprocal, maximum(max.abs(), min.abs()), absoluteSum * reciprocal], 0).to(ScalarType.Float16).cpu();
        if (!TensorLoading.AllFinite(all))
        {
            throw NotFinite($"the output of {_family.FinalNorm}", null);
        }

        Half[][] rows = [.. Enumerable.Range(0, 5).Select(row => all[row].data<Half>().ToArray())];
        statistics.Outputs[_family.FinalNorm].Update(rows[0], rows[1], rows[2], rows[3], rows[4]);
    }

    private void RequireMemory(DeviceMemory memory)
    {
        if (memory.Free is { } free && free < DeviceBatches.Least(_configuration, _samples, _tokens))
        {
            throw TooLittleMemory(memory, null);
        }
    }

    private CalibrationException TooLittleMemory(DeviceMemory memory, Exception? failure)
    {
        var needed = Gigabytes(DeviceBatches.Least(_configuration, _samples, _tokens));
        var free = memory.Free is { } bytes ? $"{Gigabytes(bytes)} GB were free" : "less was free";
        var message =
            $"The GPU's memory is too small: calibrating {_samples} samples of {_tokens} tokens needs at least {needed} GB, and {free} at the start. " +
            "End what else uses the GPU (see nvidia-smi), use fewer or shorter samples, or the device cpu.";
        return failure is null ? new CalibrationException(message) : new CalibrationException(message, failure);

        static string Gigabytes(long count) => (count / 1073741824.0).ToString("F1", System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Whether libtorch says that the device has no memory left; it has no exception of its own for that.</summary>
    private static bool IsOutOfMemory(ExternalException failure) => failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase);

    private static CalibrationException NotFinite(string what, int? sample) => new(
        $"{(sample is null ? "" : $"In sample {sample}, ")}{what} is infinite or not a number in float16, which the engine computes in. " +
        "The model does not work in float16, or its weights are damaged: try it with other software first.");
}
