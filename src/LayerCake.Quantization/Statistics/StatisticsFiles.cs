using System.Collections.Immutable;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.Quantization;

/// <summary>
/// The four files of a calibration, <c>{statistic: {module: tensor}}</c> in float16 each, with LMDeploy v0.1.0's names and orders;
/// <c>torch.load</c> reads ours, and the original's are read here.
/// </summary>
public static class StatisticsFiles
{
    /// <summary>max, min, mean, absmax, absmean of every linear's input.</summary>
    public const string Inputs = "inputs_stats.pth";

    /// <summary>max, min, mean, absmax, absmean of every norm's and linear's output.</summary>
    public const string Outputs = "outputs_stats.pth";

    /// <summary>max, min, absmax of every layer's keys.</summary>
    public const string Keys = "key_stats.pth";

    /// <summary>max, min, absmax of every layer's values.</summary>
    public const string Values = "value_stats.pth";

    /// <summary>All four names, in the order they are written.</summary>
    public static IReadOnlyList<string> All { get; } = [Inputs, Outputs, Keys, Values];

    /// <summary>
    /// Writes the four files, creating the folder: all of them, or what was there stays. The same statistics give the same bytes.
    /// </summary>
    public static void Write(string folder, CalibrationStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        var staging = StagingFolder.PathOf(folder, "statistics");
        try
        {
            StagingFolder.Create(folder, "statistics");
            WriteActivations(Path.Combine(staging, Inputs), statistics.Inputs);
            WriteActivations(Path.Combine(staging, Outputs), statistics.Outputs);
            WriteKeyValues(Path.Combine(staging, Keys), statistics.Keys);
            WriteKeyValues(Path.Combine(staging, Values), statistics.Values);
            foreach (var name in All)
            {
                File.Move(Path.Combine(staging, name), Path.Combine(folder, name), overwrite: true);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new QuantizationException(
                $"The statistics cannot be written into {folder}: {failure.Message.TrimEnd('.')}. Choose another folder.", failure) { ConcernsOutput = true };
        }
        finally
        {
            if (Directory.Exists(staging))
            {
                Directory.Delete(staging, recursive: true);
            }
        }
    }

    /// <summary>Reads all four files.</summary>
    /// <exception cref="QuantizationException">A file is missing or does not hold what calibrate writes.</exception>
    public static CalibrationStatistics Read(string folder) => new(
        ReadActivations(Path.Combine(folder, Inputs)),
        ReadActivations(Path.Combine(folder, Outputs)),
        ReadKeys(folder),
        ReadValues(folder));

    /// <summary>Reads what auto_awq needs: the largest magnitude of every input channel of every linear, by module name.</summary>
    /// <exception cref="QuantizationException">The file is missing or does not hold what calibrate writes.</exception>
    public static OrderedDictionary<string, Half[]> ReadInputAbsMax(string folder)
    {
        using var file = StatisticsReader.Open(Path.Combine(folder, Inputs));
        var absMax = new OrderedDictionary<string, Half[]>(StringComparer.Ordinal);
        foreach (var (module, statistic) in file.Read("absmax", dimensions: 1))
        {
            absMax.Add(module, statistic.Values);
        }

        return absMax;
    }

    /// <summary>Reads the statistics of the keys by layer.</summary>
    /// <exception cref="QuantizationException">The file is missing or does not hold what calibrate writes.</exception>
    public static OrderedDictionary<string, KeyValueStatistics> ReadKeys(string folder) => ReadKeyValues(Path.Combine(folder, Keys));

    /// <summary>Reads the statistics of the values by layer.</summary>
    /// <exception cref="QuantizationException">The file is missing or does not hold what calibrate writes.</exception>
    public static OrderedDictionary<string, KeyValueStatistics> ReadValues(string folder) => ReadKeyValues(Path.Combine(folder, Values));

    private static OrderedDictionary<string, ActivationStatistics> ReadActivations(string path)
    {
        using var file = StatisticsReader.Open(path);
        var (max, min, mean, absMax, absMean) = (
            file.Read("max", 1), file.Read("min", 1), file.Read("mean", 1), file.Read("absmax", 1), file.Read("absmean", 1));
        var statistics = new OrderedDictionary<string, ActivationStatistics>(StringComparer.Ordinal);
        foreach (var (module, statistic) in max)
        {
            var shape = statistic.Shape;
            statistics.Add(module, new ActivationStatistics(
                statistic.Values, file.Same(min, "min", module, shape), file.Same(mean, "mean", module, shape), file.Same(absMax, "absmax", module, shape), file.Same(absMean, "absmean", module, shape)));
        }

        return statistics;
    }

    private static OrderedDictionary<string, KeyValueStatistics> ReadKeyValues(string path)
    {
        using var file = StatisticsReader.Open(path);
        var (max, min, absMax) = (file.Read("max", 2), file.Read("min", 2), file.Read("absmax", 2));
        var statistics = new OrderedDictionary<string, KeyValueStatistics>(StringComparer.Ordinal);
        foreach (var (layer, statistic) in max)
        {
            var shape = statistic.Shape;
            statistics.Add(layer, new KeyValueStatistics(
                (int)shape[0], (int)shape[1], statistic.Values, file.Same(min, "min", layer, shape), file.Same(absMax, "absmax", layer, shape)));
        }

        return statistics;
    }

    private static void WriteActivations(string path, OrderedDictionary<string, ActivationStatistics> modules) => Write(
        path,
        [
            ("max", [.. modules.Select(module => Tensor(module.Key, module.Value.Max))]),
            ("min", [.. modules.Select(module => Tensor(module.Key, module.Value.Min))]),
            ("mean", [.. modules.Select(module => Tensor(module.Key, module.Value.Mean))]),
            ("absmax", [.. modules.Select(module => Tensor(module.Key, module.Value.AbsMax))]),
            ("absmean", [.. modules.Select(module => Tensor(module.Key, module.Value.AbsMean))]),
        ]);

    private static void WriteKeyValues(string path, OrderedDictionary<string, KeyValueStatistics> layers) => Write(
        path,
        [
            ("max", [.. layers.Select(layer => Tensor(layer.Key, layer.Value.Max, layer.Value.Heads))]),
            ("min", [.. layers.Select(layer => Tensor(layer.Key, layer.Value.Min, layer.Value.Heads))]),
            ("absmax", [.. layers.Select(layer => Tensor(layer.Key, layer.Value.AbsMax, layer.Value.Heads))]),
        ]);

    private static (TensorInfo Info, Half[] Values) Tensor(string name, Half[] values, int? heads = null)
    {
        ImmutableArray<long> shape = heads is { } count ? [count, values.Length / count] : [values.Length];
        return (new TensorInfo(name, DType.F16, shape, values.Length * 2L), values);
    }

    private static void Write(string path, IReadOnlyList<(string Name, IReadOnlyList<(TensorInfo Info, Half[] Values)> Tensors)> statistics)
    {
        var layout = TorchLayout.Nested(statistics.Select(statistic =>
            KeyValuePair.Create(statistic.Name, TorchLayout.Flat(statistic.Tensors.Select(tensor => tensor.Info)))));
        using var writer = TorchArchiveWriter.Create(path, layout);
        foreach (var (name, tensors) in statistics)
        {
            foreach (var (info, values) in tensors)
            {
                writer.Write($"{name}/{info.Name}", MemoryMarshal.AsBytes(values.AsSpan()));
            }
        }

        writer.Complete();
    }
}
