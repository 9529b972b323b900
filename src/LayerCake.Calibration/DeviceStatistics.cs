using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>Statistics of one activation for all samples, kept on the device: max, min, mean and mean of magnitudes, [4, samples, channels] in float16.</summary>
internal sealed class DeviceStatistics : IDisposable
{
    private readonly Tensor _values;

    public DeviceStatistics(long samples, long channels, Device device) =>
        _values = empty([4, samples, channels], ScalarType.Float16, device).DetachFromDisposeScope();

    /// <summary>Stores one sample's [channels] tensors, rounded to float16 where they are wider.</summary>
    public void Write(long sample, Tensor max, Tensor min, Tensor mean, Tensor absoluteMean)
    {
        using var scope = NewDisposeScope();
        var parts = (Tensor[])[max, min, mean, absoluteMean];
        for (var i = 0; i < parts.Length; i++)
        {
            _values[i, sample].copy_(parts[i]);
        }
    }

    /// <summary>Brings samples to the host; null where one of them is not finite.</summary>
    public SampleStatistics[]? Read(int first, int count)
    {
        using var scope = NewDisposeScope();
        var host = _values.narrow(1, first, count).cpu().contiguous();
        if (!Torch.Kernels.FiniteCheck.AllFinite(host))
        {
            return null;
        }

        var channels = (int)host.shape[2];
        var values = MemoryMarshal.Cast<byte, Half>(host.bytes);
        var result = new SampleStatistics[count];
        for (var sample = 0; sample < count; sample++)
        {
            var statistics = result[sample] = new SampleStatistics(channels);
            Part(values, 0, sample).CopyTo(statistics.Max);
            Part(values, 1, sample).CopyTo(statistics.Min);
            Part(values, 2, sample).CopyTo(statistics.Mean);
            Part(values, 3, sample).CopyTo(statistics.AbsMean);
            for (var i = 0; i < channels; i++)
            {
                statistics.AbsMax[i] = Half.Max(Half.Abs(statistics.Max[i]), Half.Abs(statistics.Min[i]));
            }
        }

        return result;

        ReadOnlySpan<Half> Part(ReadOnlySpan<Half> all, int part, int sample) => all.Slice(((part * count) + sample) * channels, channels);
    }

    /// <summary>The first sample with a statistic that is not finite.</summary>
    public int FirstNotFinite()
    {
        using var scope = NewDisposeScope();
        var finite = _values.isfinite().all(2).all(0).cpu();
        for (var sample = 0; sample < finite.shape[0]; sample++)
        {
            if (!finite[sample].ToBoolean())
            {
                return sample;
            }
        }

        return -1;
    }

    public void Dispose() => _values.Dispose();
}
