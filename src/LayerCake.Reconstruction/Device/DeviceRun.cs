using System.Globalization;
using System.Runtime.InteropServices;
using LayerCake.Calibration;
using LayerCake.Models;
using LayerCake.Torch.Cuda;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// Quantizes on a device. Hidden states stay on it where they fit; while one layer is computed, the next is read on the host. Also runs on a CPU device in libtorch's own
/// operations, slowly: tests compare that with the processor's own code.
/// </summary>
internal sealed class DeviceRun : ILayerRun
{
    private readonly ReconstructionRequest _request;
    private readonly ModelConfiguration _configuration;
    private readonly Device _device;
    private readonly CancellationToken _cancellation;
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly IDisposable _inference = inference_mode();
    private readonly DeviceMemory _memory;
    private readonly Stack<IDisposable> _owned = new();
    private readonly LayerStaging _staging;
    private readonly ILayerOperations _layerOperations;
    private readonly (Tensor Cosines, Tensor Sines) _rotary;
    private readonly DeviceReconstruction _reconstruction;
    private readonly LearningSettings? _learning;
    private readonly DeviceStates _states;
    private readonly DeviceStates? _beforeSpan;
    private Task _reading = Task.CompletedTask;
    private int _next = -1;

    /// <param name="samples">Those that the method looks at.</param>
    /// <exception cref="ReconstructionException">The device or the host has too little memory.</exception>
    public DeviceRun(ReconstructionRequest request, ModelConfiguration configuration, SolverSettings settings, IReadOnlyList<int[]> samples, Device device, CancellationToken cancellation)
    {
        (_request, _configuration, _device, _cancellation, _learning) = (request, configuration, device, cancellation, settings.Learning);
        _memory = new DeviceMemory(device);
        try
        {
            var (count, tokens) = (samples.Count, samples[0].Length);
            var onHost = StatesOnHost(settings, count, tokens);
            _staging = Own(new LayerStaging(configuration, pinned: device.type == DeviceType.CUDA));
            _rotary = RotaryAngles.Tensors(configuration, tokens, device);
            _layerOperations = device.type == DeviceType.CUDA ? new KernelOperations(Own(LayerKernels.Load())) : new PlainOperations(native: false);
            IGroupOperations operations = Own<IGroupOperations>(
                device.type == DeviceType.CUDA && settings.GroupSize == KernelGroupOperations.GroupSize ? new KernelGroupOperations() : new PlainGroupOperations());
            DeviceStates before;
            DeviceStates? floatStates;
            using (var embedded = EmbeddingRows.Load(request.Model.Weights, configuration, samples, device))
            {
                _states = Own(new DeviceStates(embedded, device, onHost));
                before = Own(new DeviceStates(embedded, device, onHost: true));
                floatStates = settings.FollowsFloatModel ? Own(new DeviceStates(embedded, device, onHost)) : null;
                _beforeSpan = settings.Learning is null ? null : Own(new DeviceStates(embedded, device, onHost));
            }

            States = floatStates is null ? [_states] : [_states, floatStates];
            _reconstruction = new DeviceReconstruction(
                configuration, settings, Reconstructor.NameOf(settings.Solver(request.Method)), operations, _states, floatStates, before, DeviceWorkspace.Batch(count, tokens), device, cancellation);
        }
        catch (ExternalException failure) when (IsOutOfMemory(failure))
        {
            Dispose();
            throw TooLittleMemory(samples.Count, samples[0].Length, failure);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<IKeptStates> States { get; }

    public string? Remark => _device.type != DeviceType.CUDA ? null
        : string.Create(CultureInfo.InvariantCulture, $"max gpu memory: {_memory.Peak / 1073741824.0:F2} GB");

    public int LayersAtOnce => _learning is null ? 1 : _request.LayersLearnedAtOnce ?? LearningSettings.LayersAtOnce(_configuration);

    public IReadOnlyList<IQuantizedLayer> Run(int first, Action<string> progress)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var span = new DeviceSpan(_request.Model.Weights, _configuration, first, _device);
            _beforeSpan?.CopyFrom(_states);
            for (var layer = first; layer < Math.Min(first + LayersAtOnce, _configuration.LayerCount); layer++)
            {
                Solve(span, layer);
            }

            if (_learning is not null)
            {
                span.Learn(_reconstruction, _beforeSpan!, _learning, progress, _cancellation);
                _memory.Measure();
            }

            return span.Take();
        }
        catch (ExternalException failure) when (IsOutOfMemory(failure))
        {
            throw TooLittleMemory(_request.Samples.Count, _request.Samples[0].Length, failure);
        }
    }

    private void Solve(DeviceSpan span, int layer)
    {
        if (_next != layer)
        {
            Read(layer);
        }

        _reading.GetAwaiter().GetResult();
        var weights = _staging.To(_device);
        var original = new DeviceLayer(_configuration, _layerOperations, weights, _rotary);
        span.Add(weights, original, () =>
        {
            if (_device.type == DeviceType.CUDA)
            {
                // The copy must be over before the memory is read into again.
                cuda.synchronize(_device);
            }

            if (layer + 1 < _configuration.LayerCount)
            {
                Read(layer + 1);
            }

            return _reconstruction.Run(original, layer);
        });
        _memory.Measure();
    }

    public void Dispose()
    {
        // A failure of reading ahead is not this run's any more.
        ((IAsyncResult)_reading).AsyncWaitHandle.WaitOne();
        _ = _reading.Exception;
        while (_owned.TryPop(out var owned))
        {
            owned.Dispose();
        }

        _inference.Dispose();
        _scope.Dispose();
    }

    private static bool IsOutOfMemory(ExternalException failure) => failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase);

    private void Read(int layer)
    {
        _next = layer;
        _reading = Task.Run(() => _staging.Read(_request.Model.Weights, layer, _cancellation), CancellationToken.None);
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }

    /// <summary>Whether hidden states have to stay on the host, by what the device has free at the start.</summary>
    private bool StatesOnHost(SolverSettings settings, int samples, int tokens)
    {
        // The quantized model's, the float model's, and those before a span.
        var models = 1 + (settings.FollowsFloatModel ? 1 : 0) + (settings.Learning is null ? 0 : 1);
        var needed = DeviceWorkspace.Device(_configuration, _learning, samples, tokens);
        if (_memory.Free is { } free && free < needed)
        {
            throw TooLittleMemory(samples, tokens, null);
        }

        var onHost = _memory.Free is { } bytes && bytes < needed + (models * DeviceWorkspace.States(_configuration, samples, tokens));
        var host = DeviceWorkspace.Host(_configuration, _learning, samples, tokens, onHost ? models : 0);
        if (_request.MemoryBudget is { } budget && host > budget)
        {
            throw new ReconstructionException(
                $"Quantizing with {samples} samples of {tokens} tokens needs {Gigabytes(host)} GB of the host's memory beside the GPU's, but the budget is {Gigabytes(budget)} GB. " +
                "Raise it, or use fewer or shorter samples.");
        }

        return onHost;
    }

    private ReconstructionException TooLittleMemory(int samples, int tokens, Exception? failure)
    {
        var needed = Gigabytes(DeviceWorkspace.Device(_configuration, _learning, samples, tokens));
        var free = _memory.Free is { } bytes ? $"{Gigabytes(bytes)} GB were free" : "less was free";
        return new ReconstructionException(
            $"The GPU's memory is too small: quantizing needs at least {needed} GB, and {free} at the start. End what else uses the GPU (see nvidia-smi), or use the device cpu.", failure);
    }

    private static string Gigabytes(long count) => (count / 1073741824.0).ToString("F1", CultureInfo.InvariantCulture);
}
