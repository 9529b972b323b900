using System.Collections.Immutable;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.Quantization;

/// <summary>Reads one statistics file, trusting nothing but what <see cref="TorchArchive"/> has checked.</summary>
internal sealed class StatisticsReader : IDisposable
{
    // A channel per element of one layer's widest activation: far above any model.
    private const long MostElements = 1 << 24;

    private readonly TorchArchive _archive;
    private readonly TorchDictionary _root;
    private readonly string _path;

    private StatisticsReader(string path, TorchArchive archive, TorchDictionary root)
    {
        (_path, _archive, _root) = (path, archive, root);
    }

    public static StatisticsReader Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new QuantizationException($"{path} does not exist. Run calibrate first, and give the folder it wrote to.");
        }

        var archive = TorchArchive.Open(path);
        if (archive.Root is TorchDictionary root)
        {
            return new StatisticsReader(path, archive, root);
        }

        archive.Dispose();
        throw new QuantizationException($"{path} holds no dictionary, so it is not a statistics file of calibrate. Run calibrate again.");
    }

    /// <summary>All tensors of one statistic by module, each with <paramref name="dimensions"/> dimensions.</summary>
    public OrderedDictionary<string, (ImmutableArray<long> Shape, Half[] Values)> Read(string statistic, int dimensions)
    {
        if (!_root.TryGet(statistic, out var found) || found is not TorchDictionary modules)
        {
            throw new QuantizationException(
                $"{_path} has no statistic '{statistic}' (it holds: {string.Join(", ", _root.Entries.Take(8).Select(entry => entry.Key))}). Run calibrate again.");
        }

        var tensors = new OrderedDictionary<string, (ImmutableArray<long> Shape, Half[] Values)>(StringComparer.Ordinal);
        foreach (var (module, value) in modules.Entries)
        {
            tensors.Add(module, Read(statistic, module, value, dimensions));
        }

        return tensors;
    }

    /// <summary>The values another statistic has for the module, which must have the same shape.</summary>
    public Half[] Same(
        OrderedDictionary<string, (ImmutableArray<long> Shape, Half[] Values)> tensors, string statistic, string module, ImmutableArray<long> shape)
    {
        if (!tensors.TryGetValue(module, out var tensor))
        {
            throw new QuantizationException($"{_path} has no '{statistic}' for {module}. Run calibrate again.");
        }

        return tensor.Shape.SequenceEqual(shape) ? tensor.Values : throw new QuantizationException(
            $"{_path}: '{statistic}' of {module} has the shape [{string.Join(", ", tensor.Shape)}], 'max' has [{string.Join(", ", shape)}]. Run calibrate again.");
    }

    public void Dispose() => _archive.Dispose();

    private (ImmutableArray<long> Shape, Half[] Values) Read(string statistic, string module, TorchValue value, int dimensions)
    {
        if (value is not TorchTensor tensor)
        {
            throw new QuantizationException($"{_path}: '{statistic}' of {module} is not a tensor. Run calibrate again.");
        }

        var elements = tensor.Shape.Aggregate(1.0, (count, dimension) => count * dimension);
        if (tensor.DType != DType.F16 || tensor.Shape.Length != dimensions || elements is < 1 or > MostElements)
        {
            throw new QuantizationException(
                $"{_path}: '{statistic}' of {module} is {tensor.DType} [{string.Join(", ", tensor.Shape)}]; expected is F16 with {dimensions} dimension(s). Run calibrate again.");
        }

        var values = new Half[(int)elements];
        _archive.Read(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return (tensor.Shape, values);
    }
}
