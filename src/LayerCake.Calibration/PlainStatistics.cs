using LayerCake.Torch;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>Statistics by libtorch's own reductions, merged on the host.</summary>
internal sealed class PlainStatistics(int samples) : ILayerStatistics
{
    private static readonly Activation[] Activations = Enum.GetValues<Activation>();

    /// <summary>Max, min, mean and mean of magnitudes, [activation][sample][statistic], each [channels].</summary>
    private readonly Tensor[]?[][] _values = [.. Activations.Select(_ => new Tensor[]?[samples])];

    public int FirstSample { get; set; }

    public void Observe(Activation activation, Tensor values)
    {
        using var scope = NewDisposeScope();
        Tensor[] all = [values.amax([1L]), values.amin([1L]), values.mean([1L]), values.abs().mean([1L])];
        for (var sample = 0; sample < values.shape[0]; sample++)
        {
            ref var place = ref _values[(int)activation][FirstSample + sample];
            Discard(place);
            place = [.. all.Select(statistic => statistic[sample].DetachFromDisposeScope())];
        }
    }

    public SampleStatistics[] Merge() => [.. Activations.Select(activation => SampleMerging.Merge(Read(activation)))];

    public void Clear()
    {
        foreach (var place in _values.SelectMany(places => places))
        {
            Discard(place);
        }

        Array.ForEach(_values, Array.Clear);
    }

    public void Dispose() => Clear();

    /// <summary>Brings all samples of an activation to the host, rounded to float16 where they are wider.</summary>
    private unsafe SampleStatistics[] Read(Activation activation)
    {
        using var scope = NewDisposeScope();
        var host = stack(_values[(int)activation].Select(place => stack(place!, 0)), 0).to(ScalarType.Float16).cpu();
        var channels = (int)host.shape[2];
        var values = (Half*)TensorLoading.NativeMemoryOf(host);
        var result = new SampleStatistics[samples];
        for (var sample = 0; sample < samples; sample++)
        {
            var statistics = result[sample] = new SampleStatistics(channels);
            Part(0).CopyTo(statistics.Max);
            Part(1).CopyTo(statistics.Min);
            Part(2).CopyTo(statistics.Mean);
            Part(3).CopyTo(statistics.AbsMean);
            for (var i = 0; i < channels; i++)
            {
                statistics.AbsMax[i] = Half.Max(Half.Abs(statistics.Max[i]), Half.Abs(statistics.Min[i]));
            }

            if (!statistics.IsFinite)
            {
                throw new NotFiniteException(activation, sample);
            }

            ReadOnlySpan<Half> Part(int part) => new(values + ((((nint)sample * 4) + part) * channels), channels);
        }

        return result;
    }

    private static void Discard(Tensor[]? place) => Array.ForEach(place ?? [], tensor => tensor.Dispose());
}
