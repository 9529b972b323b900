using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>
/// Pickles a <see cref="TorchLayout"/> (protocol 2) byte for byte as CPython's C pickler does it for <c>torch.save</c>: same instructions, same numbering of
/// remembered values, items in groups of 1000. Storages are numbered in the order of the tensors.
/// </summary>
internal sealed class PickleWriter
{
    /// <summary>CPython's BATCHSIZE (Modules/_pickle.c).</summary>
    private const int BatchSize = 1000;

    private readonly ArrayBufferWriter<byte> _pickle = new();

    /// <summary>Keys, helper texts and globals that were written before are recalled. Keys are one object in Python when a program takes them from one place.</summary>
    private readonly Dictionary<string, uint> _memo = new(StringComparer.Ordinal);

    private readonly Dictionary<(string Module, string Name), uint> _globals = [];
    private uint _nextMemo;
    private int _nextStorage;

    private PickleWriter()
    {
    }

    /// <exception cref="CheckpointException">A tensor's element type has no torch storage.</exception>
    public static byte[] Write(TorchLayout layout)
    {
        var writer = new PickleWriter();
        writer.Emit(PickleOpcode.Proto, 2);
        writer.Dictionary(layout);
        writer.Emit(PickleOpcode.Stop);
        return writer._pickle.WrittenSpan.ToArray();
    }

    private void Dictionary(TorchLayout layout)
    {
        if (layout.IsOrderedDict)
        {
            EmptyOrderedDict();
            OrderedItems(layout.Entries.AsSpan());
        }
        else
        {
            Emit(PickleOpcode.EmptyDict);
            Memoize();
            PlainItems(layout.Entries.AsSpan());
        }
    }

    /// <summary>batch_dict_exact of CPython: one item alone, else full groups, and an empty last group when the count divides by the group size.</summary>
    private void PlainItems(ReadOnlySpan<TorchLayout.Entry> entries)
    {
        if (entries.Length == 0)
        {
            return;
        }

        if (entries.Length == 1)
        {
            Item(entries[0]);
            Emit(PickleOpcode.SetItem);
            return;
        }

        int count;
        do
        {
            count = Math.Min(BatchSize, entries.Length);
            Group(entries[..count]);
            entries = entries[count..];
        }
        while (count == BatchSize);
    }

    /// <summary>batch_dict of CPython, for dictionaries pickled through an iterator: a last single item goes alone.</summary>
    private void OrderedItems(ReadOnlySpan<TorchLayout.Entry> entries)
    {
        while (entries.Length > 1)
        {
            var count = Math.Min(BatchSize, entries.Length);
            Group(entries[..count]);
            entries = entries[count..];
        }

        if (entries.Length == 1)
        {
            Item(entries[0]);
            Emit(PickleOpcode.SetItem);
        }
    }

    private void Group(ReadOnlySpan<TorchLayout.Entry> entries)
    {
        Emit(PickleOpcode.Mark);
        foreach (var entry in entries)
        {
            Item(entry);
        }

        Emit(PickleOpcode.SetItems);
    }

    private void Item(TorchLayout.Entry entry)
    {
        SharedText(entry.Key);
        if (entry.Tensor is { } tensor)
        {
            Tensor(tensor);
        }
        else
        {
            Dictionary(entry.Layout!);
        }
    }

    /// <summary><c>torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())</c>.</summary>
    private void Tensor(TensorInfo tensor)
    {
        var storage = TorchGlobal.StorageName(tensor.DType) ?? throw new CheckpointException(
            $"Tensor '{tensor.Name}' has element type {tensor.DType.SafetensorsName()}, which torch archives cannot hold. Write safetensors instead.");
        Global("torch._utils", "_rebuild_tensor_v2");
        Emit(PickleOpcode.Mark);

        Emit(PickleOpcode.Mark);
        SharedText("storage");
        Global("torch", storage);
        NewText(_nextStorage++.ToString(CultureInfo.InvariantCulture));
        SharedText("cpu");
        Number(tensor.ElementCount);
        Emit(PickleOpcode.Tuple);
        Memoize();
        Emit(PickleOpcode.BinPersistentId);

        Number(0);
        Numbers(tensor.Shape.AsSpan());
        Numbers(Strides(tensor.Shape.AsSpan()));
        Emit(PickleOpcode.NewFalse);
        EmptyOrderedDict();
        Emit(PickleOpcode.Tuple);
        Memoize();
        Emit(PickleOpcode.Reduce);
        Memoize();
    }

    /// <summary>torch's strides of a contiguous tensor: dimensions of 0 count as 1.</summary>
    private static long[] Strides(ReadOnlySpan<long> shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var dimension = shape.Length - 1; dimension >= 0; dimension--)
        {
            strides[dimension] = stride;
            stride *= Math.Max(shape[dimension], 1);
        }

        return strides;
    }

    private void EmptyOrderedDict()
    {
        Global("collections", "OrderedDict");
        Emit(PickleOpcode.EmptyTuple);
        Emit(PickleOpcode.Reduce);
        Memoize();
    }

    private void Numbers(ReadOnlySpan<long> numbers)
    {
        if (numbers.Length == 0)
        {
            Emit(PickleOpcode.EmptyTuple);
            return;
        }

        if (numbers.Length > 3)
        {
            Emit(PickleOpcode.Mark);
        }

        foreach (var number in numbers)
        {
            Number(number);
        }

        Emit(numbers.Length switch
        {
            1 => PickleOpcode.Tuple1,
            2 => PickleOpcode.Tuple2,
            3 => PickleOpcode.Tuple3,
            _ => PickleOpcode.Tuple,
        });
        Memoize();
    }

    /// <summary>A number from 0 up, in the shortest form.</summary>
    private void Number(long number)
    {
        Span<byte> bytes = stackalloc byte[9];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        switch (number)
        {
            case <= byte.MaxValue:
                Emit(PickleOpcode.BinInt1, bytes[..1]);
                break;
            case <= ushort.MaxValue:
                Emit(PickleOpcode.BinInt2, bytes[..2]);
                break;
            case <= int.MaxValue:
                Emit(PickleOpcode.BinInt, bytes[..4]);
                break;
            default:
                // Two's complement with room for the sign bit.
                var length = ((64 - (int)long.LeadingZeroCount(number)) / 8) + 1;
                Emit(PickleOpcode.Long1, [(byte)length, .. bytes[..length]]);
                break;
        }
    }

    private void SharedText(string text)
    {
        if (_memo.TryGetValue(text, out var index))
        {
            Recall(index);
            return;
        }

        _memo.Add(text, _nextMemo);
        NewText(text);
    }

    private void NewText(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        Emit(PickleOpcode.BinUnicode, length);
        _pickle.Write(utf8);
        Memoize();
    }

    private void Global(string module, string name)
    {
        if (_globals.TryGetValue((module, name), out var index))
        {
            Recall(index);
            return;
        }

        _globals.Add((module, name), _nextMemo);
        Emit(PickleOpcode.Global, Encoding.ASCII.GetBytes($"{module}\n{name}\n"));
        Memoize();
    }

    private void Memoize() => Indexed(PickleOpcode.BinPut, PickleOpcode.LongBinPut, _nextMemo++);

    private void Recall(uint index) => Indexed(PickleOpcode.BinGet, PickleOpcode.LongBinGet, index);

    private void Indexed(PickleOpcode narrow, PickleOpcode wide, uint index)
    {
        if (index <= byte.MaxValue)
        {
            Emit(narrow, (byte)index);
            return;
        }

        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, index);
        Emit(wide, bytes);
    }

    private void Emit(PickleOpcode opcode, params ReadOnlySpan<byte> argument)
    {
        _pickle.Write([(byte)opcode]);
        _pickle.Write(argument);
    }
}
