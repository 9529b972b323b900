using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Checkpoints;

/// <summary>
/// A value found in a torch archive. A class rather than a record on purpose: archives can hold cycles, and structural equality or printing would never end.
/// </summary>
public abstract class TorchValue
{
    private protected TorchValue()
    {
    }
}

/// <summary>A dict or OrderedDict, in the order it was filled.</summary>
public sealed class TorchDictionary : TorchValue
{
    private readonly List<KeyValuePair<string, TorchValue>> _entries = [];
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

    internal TorchDictionary(bool isOrderedDict) => IsOrderedDict = isOrderedDict;

    /// <summary>True for <c>collections.OrderedDict</c>, what <c>state_dict()</c> returns.</summary>
    public bool IsOrderedDict { get; }

    /// <summary>Keys and values. Whole-number keys are given as their decimal text.</summary>
    public IReadOnlyList<KeyValuePair<string, TorchValue>> Entries => _entries;

    public bool TryGet(string key, [NotNullWhen(true)] out TorchValue? value)
    {
        var found = _places.TryGetValue(key, out var place);
        value = found ? _entries[place].Value : null;
        return found;
    }

    internal void Set(string key, TorchValue value)
    {
        var entry = KeyValuePair.Create(key, value);
        if (_places.TryAdd(key, _entries.Count))
        {
            _entries.Add(entry);
        }
        else
        {
            _entries[_places[key]] = entry;
        }
    }
}

/// <summary>A list or tuple.</summary>
public sealed class TorchSequence : TorchValue
{
    private readonly List<TorchValue> _items = [];

    internal TorchSequence(bool isTuple) => IsTuple = isTuple;

    public bool IsTuple { get; }

    public IReadOnlyList<TorchValue> Items => _items;

    internal void Add(TorchValue item) => _items.Add(item);
}

public sealed class TorchText(string value) : TorchValue
{
    public string Value { get; } = value;
}

public sealed class TorchInteger(long value) : TorchValue
{
    public long Value { get; } = value;
}

public sealed class TorchReal(double value) : TorchValue
{
    public double Value { get; } = value;
}

public sealed class TorchBoolean(bool value) : TorchValue
{
    public bool Value { get; } = value;
}

/// <summary>Python's <c>None</c>.</summary>
public sealed class TorchNone : TorchValue
{
    private TorchNone()
    {
    }

    public static TorchNone Value { get; } = new();
}

/// <summary>A tensor: a view of a storage, which is one entry of the archive. Read it with <see cref="TorchArchive.Read(TorchTensor, long, Span{byte})"/>.</summary>
public sealed class TorchTensor : TorchValue
{
    internal TorchTensor(DType dtype, ImmutableArray<long> shape, ImmutableArray<long> strides, long storageOffset, long byteCount, TorchStorage storage)
    {
        DType = dtype;
        Shape = shape;
        Strides = strides;
        StorageOffset = storageOffset;
        ByteCount = byteCount;
        Storage = storage;
    }

    public DType DType { get; }

    public ImmutableArray<long> Shape { get; }

    /// <summary>Elements from one index to the next in each dimension.</summary>
    public ImmutableArray<long> Strides { get; }

    /// <summary>The first element's index in the storage.</summary>
    public long StorageOffset { get; }

    /// <summary>Bytes once contiguous.</summary>
    public long ByteCount { get; }

    internal TorchStorage Storage { get; }
}

/// <summary>A stored block of elements, shared by the tensors that view it.</summary>
internal sealed class TorchStorage(DType dtype, string key, long elementCount, long fileOffset) : TorchValue
{
    public DType DType { get; } = dtype;

    public string Key { get; } = key;

    public long ElementCount { get; } = elementCount;

    public long FileOffset { get; } = fileOffset;
}
