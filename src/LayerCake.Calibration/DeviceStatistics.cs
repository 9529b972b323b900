using System.Runtime.InteropServices;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>
/// Statistics of one activation, kept on the device sample by sample until a layer is done: waiting for each would leave the GPU idle, and every further call
/// costs as much as the reduction itself.
/// </summary>
internal sealed class DeviceStatistics(int samples) : IDisposable
{
    /// <summary>Max, min, mean and mean of magnitudes, [statistic][sample], each [channels].</summary>
    private readonly Tensor?[][] _values = [new Tensor[samples], new Tensor[samples], new Tensor[samples], new Tensor[samples]];

    /// <summary>Keeps one sample's [channels] tensors and owns them from here on.</summary>
    public void Add(int sample, Tensor max, Tensor min, Tensor mean, Tensor absoluteMean)
    {
        _values[0][sample] = max.DetachFromDisposeScope();
        _values[1][sample] = min.DetachFromDisposeScope();
        _values[2][sample] = mean.DetachFromDisposeScope();
        _values[3][sample] = absoluteMean.DetachFromDisposeScope();
    }

    /// <summary>Brings all samples to the host, rounded to float16 where they are wider.</summary>
    /// <param name="notFinite">The first sample with a statistic that is not finite, −1 where all are.</param>
    public unsafe SampleStatistics[] Read(out int notFinite)
    {
        using var scope = NewDisposeScope();
        var host = stack(_values.Select(values => stack(values!, 0)), 0).to(ScalarType.Float16).cpu();
        var channels = (int)host.shape[2];
        var values = (Half*)TensorLoading.NativeMemoryOf(host);
        var result = new SampleStatistics[samples];
        for (var sample = 0; sample < samples; sample++)
        {
            var statistics = result[sample] = new SampleStatistics(channels);
            Part(0, sample).CopyTo(statistics.Max);
            Part(1, sample).CopyTo(statistics.Min);
            Part(2, sample).CopyTo(statistics.Mean);
            Part(3, sample).CopyTo(statistics.AbsMean);
            for (var i = 0; i < channels; i++)
            {
                statistics.AbsMax[i] = Half.Max(Half.Abs(statistics.Max[i]), Half.Abs(statistics.Min[i]));
            }
        }

        notFinite = TensorLoading.AllFinite(host) ? -1 : Array.FindIndex(result, statistics => !statistics.IsFinite);
        return result;

        ReadOnlySpan<Half> Part(int part, int sample) => new(values + ((((nint)part * samples) + sample) * channels), channels);
    }

    public void Dispose()
    {
        foreach (var values in _values)
        {
            foreach (var value in values)
            {
                value?.Dispose();
            }
        }
    }
}
