using System.Collections.Immutable;

namespace LayerCake.Checkpoints;

/// <summary>A dictionary that <see cref="TorchArchiveWriter"/> shall write: tensors and further dictionaries by key, in order.</summary>
public sealed class TorchLayout
{
    private TorchLayout(bool isOrderedDict, ImmutableArray<Entry> entries)
    {
        IsOrderedDict = isOrderedDict;
        Entries = entries;
    }

    internal bool IsOrderedDict { get; }

    internal ImmutableArray<Entry> Entries { get; }

    /// <summary>A flat dictionary, as a state dict is. Each tensor's name is its key.</summary>
    /// <param name="tensorsInOrder">Name, element type and shape of each.</param>
    /// <param name="isOrderedDict"><c>collections.OrderedDict</c> instead of a plain dict (transformers' save_pretrained writes a plain one).</param>
    public static TorchLayout Flat(IEnumerable<TensorInfo> tensorsInOrder, bool isOrderedDict = false) =>
        new(isOrderedDict, [.. tensorsInOrder.Select(tensor => new Entry(tensor.Name, tensor, null))]);

    /// <summary>
    /// A dictionary of dictionaries. Tensors keep their own names as inner keys; the writer and <see cref="TorchArchive"/> call them <c>outer/inner</c>.
    /// </summary>
    public static TorchLayout Nested(IEnumerable<KeyValuePair<string, TorchLayout>> groupsInOrder, bool isOrderedDict = false) =>
        new(isOrderedDict, [.. groupsInOrder.Select(group => new Entry(group.Key, null, group.Value))]);

    /// <summary>Every tensor in the order it is written, named by the path of keys joined with '/', as <see cref="TorchArchive"/> names it.</summary>
    internal IEnumerable<TensorInfo> Tensors(string prefix) => Entries.SelectMany(entry =>
        entry.Tensor is { } tensor ? [tensor with { Name = prefix + entry.Key }] : entry.Layout!.Tensors($"{prefix}{entry.Key}/"));

    /// <summary>Either a tensor or a dictionary below <paramref name="Key"/>.</summary>
    internal readonly record struct Entry(string Key, TensorInfo? Tensor, TorchLayout? Layout);
}
