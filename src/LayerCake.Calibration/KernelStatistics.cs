using LayerCake.Models;
using LayerCake.Torch;
using LayerCake.Torch.Cuda;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// Statistics on a GPU: each activation is read once, when it arises; samples are merged there too, so that a layer gives the host a few hundred kilobytes and
/// makes it wait once.
/// </summary>
internal sealed unsafe class KernelStatistics : ILayerStatistics
{
    private static readonly Activation[] Activations = Enum.GetValues<Activation>();

    private readonly LayerKernels _kernels;
    private readonly int[] _channels;
    private readonly int[] _first;

    /// <summary>[max, min, mean, mean of magnitudes][samples][channels of all activations].</summary>
    private readonly Tensor _planes;

    /// <summary>[max, min, mean, max of magnitudes, mean of magnitudes][channels of all activations].</summary>
    private readonly Tensor _merged;

    /// <summary>By activation, the first sample that is not finite; beyond all samples where every one is.</summary>
    private readonly Tensor _notFinite;

    public KernelStatistics(LayerKernels kernels, ModelConfiguration configuration, int samples, Device device)
    {
        using var scope = NewDisposeScope();
        _kernels = kernels;
        _channels = [.. Activations.Select(activation => ChannelsOf(activation, configuration))];
        _first = [.. Activations.Select(activation => _channels.Take((int)activation).Sum())];
        _planes = zeros([4, samples, _channels.Sum()], ScalarType.Float16, device).DetachFromDisposeScope();
        _merged = zeros([5, _channels.Sum()], ScalarType.Float16, device).DetachFromDisposeScope();
        _notFinite = full([Activations.Length], int.MaxValue, ScalarType.Int32, device).DetachFromDisposeScope();
    }

    public int FirstSample { get; set; }

    public void Observe(Activation activation, Tensor values)
    {
        using var flag = _notFinite[(int)activation];
        _kernels.ReduceChannels(values, _planes, FirstSample, _first[(int)activation], flag);
    }

    public SampleStatistics[] Merge()
    {
        using var scope = NewDisposeScope();
        _kernels.MergeSamples(_planes, _merged);
        var merged = (Half*)TensorLoading.NativeMemoryOf(_merged.cpu());
        var notFinite = _notFinite.cpu();
        var samples = (int*)TensorLoading.NativeMemoryOf(notFinite);
        var result = new SampleStatistics[Activations.Length];
        foreach (var activation in Activations)
        {
            var index = (int)activation;
            if (samples[index] != int.MaxValue)
            {
                throw new NotFiniteException(activation, samples[index]);
            }

            var statistics = result[index] = new SampleStatistics(_channels[index]);
            Part(0).CopyTo(statistics.Max);
            Part(1).CopyTo(statistics.Min);
            Part(2).CopyTo(statistics.Mean);
            Part(3).CopyTo(statistics.AbsMax);
            Part(4).CopyTo(statistics.AbsMean);

            ReadOnlySpan<Half> Part(int part) => new(merged + (part * _merged.shape[1]) + _first[index], _channels[index]);
        }

        return result;
    }

    public void Clear() => _notFinite.fill_(int.MaxValue);

    public void Dispose()
    {
        _planes.Dispose();
        _merged.Dispose();
        _notFinite.Dispose();
    }

    private static int ChannelsOf(Activation activation, ModelConfiguration configuration) => activation switch
    {
        Activation.Key or Activation.Value or Activation.RotatedKey => configuration.KeyValueSize,
        Activation.Gate or Activation.Up or Activation.GatedUp => configuration.IntermediateSize,
        _ => configuration.HiddenSize,
    };
}
