using System.Collections.Immutable;
using System.Globalization;

namespace LayerCake.Checkpoints;

/// <summary>Makes storages, tensors and OrderedDicts of the arguments a pickle gives, after checking them against the archive.</summary>
internal sealed class TorchObjects(string path, string prefix, IReadOnlyDictionary<string, ZipEntry> entries)
{
    private const int MaxRank = 64;

    /// <summary>Views with repeated elements (expand) may be this large, or as large as their storage: beyond it a few bytes could ask for terabytes.</summary>
    private const long MaxExpandedElementCount = 1 << 20;

    /// <summary>A dictionary key as text; null for kinds that no state dict has.</summary>
    public static string? KeyText(TorchValue key) => key switch
    {
        TorchText text => text.Value,
        TorchInteger integer => integer.Value.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    public TorchValue Call(TorchValue function, TorchSequence arguments) => function switch
    {
        TorchGlobal.RebuildTensor => RebuildTensor(arguments.Items),
        TorchGlobal.RebuildParameter => arguments.Items is [TorchTensor tensor, ..] ? tensor : throw Fault("a parameter is made of something other than a tensor"),
        TorchGlobal.OrderedDictClass => OrderedDict(arguments.Items),
        _ => throw Fault("it calls something that is not a function"),
    };

    /// <summary>A persistent id: <c>('storage', torch.HalfStorage, '0', 'cpu', elements)</c>.</summary>
    public TorchStorage Storage(TorchSequence id)
    {
        if (id.Items is not [TorchText { Value: "storage" }, TorchGlobal.StorageClass type, TorchText key, TorchText, TorchInteger { Value: >= 0 and var elementCount }])
        {
            throw Fault("a storage is not described as torch.save does it");
        }

        var name = $"{prefix}/data/{key.Value}";
        if (!entries.TryGetValue(name, out var entry))
        {
            throw new CheckpointException($"{path}: the storage '{name}' is missing from the archive. The file is damaged; download it again.");
        }

        if ((Int128)elementCount * type.DType.ByteSize() != entry.ByteCount)
        {
            throw new CheckpointException(
                $"{path}: the storage '{name}' should have {elementCount} elements of {type.DType.TorchName()}, but has {entry.ByteCount} bytes. The file is damaged; download it again.");
        }

        return new TorchStorage(type.DType, key.Value, elementCount, entry.DataOffset);
    }

    private TorchTensor RebuildTensor(IReadOnlyList<TorchValue> arguments)
    {
        if (arguments is not [TorchStorage storage, TorchInteger { Value: >= 0 and var offset }, TorchSequence size, TorchSequence stride, ..] || arguments.Count is < 4 or > 7)
        {
            throw Fault("a tensor is not described as torch.save does it");
        }

        ImmutableArray<long> shape = Numbers(size, "shape"), strides = Numbers(stride, "strides");
        if (shape.Length != strides.Length || shape.Length > MaxRank)
        {
            throw Fault($"a tensor has {shape.Length} dimensions and {strides.Length} strides");
        }

        if (!TensorInfo.TryCountBytes(storage.DType, shape.AsSpan(), out var byteCount))
        {
            throw Fault($"a tensor of shape [{string.Join(", ", shape)}] has no addressable size");
        }

        RequireInside(storage, offset, shape, strides, byteCount / storage.DType.ByteSize());
        return new TorchTensor(storage.DType, shape, strides, offset, byteCount, storage);
    }

    private void RequireInside(TorchStorage storage, long offset, ImmutableArray<long> shape, ImmutableArray<long> strides, long elementCount)
    {
        if (elementCount == 0)
        {
            return;
        }

        var last = (Int128)offset;
        for (var dimension = 0; dimension < shape.Length; dimension++)
        {
            last += (Int128)(shape[dimension] - 1) * strides[dimension];
        }

        if (last >= storage.ElementCount)
        {
            throw Fault(
                $"a tensor of shape [{string.Join(", ", shape)}] and strides [{string.Join(", ", strides)}] from element {offset} on leaves its storage '{storage.Key}' of {storage.ElementCount} elements");
        }

        if (elementCount > Math.Max(storage.ElementCount, MaxExpandedElementCount))
        {
            throw Fault($"a tensor repeats the {storage.ElementCount} elements of its storage '{storage.Key}' to {elementCount}; save it as a contiguous tensor");
        }
    }

    private ImmutableArray<long> Numbers(TorchSequence sequence, string what)
    {
        var numbers = ImmutableArray.CreateBuilder<long>(sequence.Items.Count);
        foreach (var item in sequence.Items)
        {
            numbers.Add(item is TorchInteger { Value: >= 0 and var number } ? number : throw Fault($"a tensor's {what} has something other than whole numbers from 0 up"));
        }

        return numbers.MoveToImmutable();
    }

    /// <summary>Empty, or filled from a list of pairs as Python 2 pickled it.</summary>
    private TorchDictionary OrderedDict(IReadOnlyList<TorchValue> arguments)
    {
        var dictionary = new TorchDictionary(isOrderedDict: true);
        if (arguments.Count == 0)
        {
            return dictionary;
        }

        if (arguments is not [TorchSequence pairs])
        {
            throw Fault("an OrderedDict is made of something other than pairs");
        }

        foreach (var pair in pairs.Items)
        {
            if (pair is not TorchSequence { Items: [var key, var value] } || KeyText(key) is not { } text)
            {
                throw Fault("an OrderedDict is made of something other than pairs");
            }

            dictionary.Set(text, value);
        }

        return dictionary;
    }

    private CheckpointException Fault(string what) => new($"{path}: its pickle cannot be read: {what}. The file is damaged, or not a state dict saved by torch.save.");
}
