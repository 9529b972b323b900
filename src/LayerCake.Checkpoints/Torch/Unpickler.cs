using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>
/// Reads the pickle of a torch archive, protocols 2 to 5, as plain data. It knows the instructions that Python emits for dictionaries, lists, tuples, texts,
/// numbers and tensors; it has no way to import or call anything. Work and memory are bounded by the pickle's length and by <see cref="MaxValueCount"/>.
/// </summary>
internal sealed class Unpickler
{
    /// <summary>Some 200,000 tensors of about 20 values each; the largest published models have about 100,000 in all their files.</summary>
    private const int MaxValueCount = 4_000_000;

    private readonly string _path;
    private readonly byte[] _pickle;
    private readonly TorchObjects _objects;
    private readonly List<TorchValue> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<uint, TorchValue> _memo = [];
    private int _position;
    private int _valueCount;

    private Unpickler(string path, byte[] pickle, TorchObjects objects)
    {
        _path = path;
        _pickle = pickle;
        _objects = objects;
    }

    /// <param name="path">The archive, as errors name it.</param>
    /// <param name="pickle">The content of data.pkl.</param>
    /// <param name="objects">Makes tensors of what the pickle says about them.</param>
    public static TorchValue Read(string path, byte[] pickle, TorchObjects objects) => new Unpickler(path, pickle, objects).Run();

    private TorchValue Run()
    {
        while (true)
        {
            var opcode = (PickleOpcode)Take(1)[0];
            if (opcode == PickleOpcode.Stop)
            {
                return Pop();
            }

            Execute(opcode);
        }
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto:
                RequireProtocol(Take(1)[0]);
                break;
            case PickleOpcode.Frame:
                Take(8);
                break;

            case PickleOpcode.None:
                Push(TorchNone.Value);
                break;
            case PickleOpcode.NewTrue or PickleOpcode.NewFalse:
                Push(new TorchBoolean(opcode == PickleOpcode.NewTrue));
                break;
            case PickleOpcode.BinInt:
                Push(new TorchInteger(BinaryPrimitives.ReadInt32LittleEndian(Take(4))));
                break;
            case PickleOpcode.BinInt1:
                Push(new TorchInteger(Take(1)[0]));
                break;
            case PickleOpcode.BinInt2:
                Push(new TorchInteger(BinaryPrimitives.ReadUInt16LittleEndian(Take(2))));
                break;
            case PickleOpcode.Long1:
                Push(Long(Take(Take(1)[0])));
                break;
            case PickleOpcode.Long4:
                Push(Long(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                break;
            case PickleOpcode.BinFloat:
                Push(new TorchReal(BinaryPrimitives.ReadDoubleBigEndian(Take(8))));
                break;
            case PickleOpcode.BinUnicode or PickleOpcode.BinString:
                Push(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                break;
            case PickleOpcode.ShortBinUnicode or PickleOpcode.ShortBinString:
                Push(Text(Take(Take(1)[0])));
                break;
            case PickleOpcode.BinUnicode8:
                Push(Text(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)))));
                break;

            case PickleOpcode.EmptyTuple or PickleOpcode.EmptyList:
                Push(new TorchSequence(isTuple: opcode == PickleOpcode.EmptyTuple));
                break;
            case PickleOpcode.Tuple1 or PickleOpcode.Tuple2 or PickleOpcode.Tuple3:
                PushSequence(isTuple: true, PopMany(opcode - PickleOpcode.Tuple1 + 1));
                break;
            case PickleOpcode.Tuple or PickleOpcode.List:
                PushSequence(isTuple: opcode == PickleOpcode.Tuple, PopToMark());
                break;
            case PickleOpcode.Append:
                AppendTo([Pop()]);
                break;
            case PickleOpcode.Appends:
                AppendTo(PopToMark());
                break;

            case PickleOpcode.EmptyDict:
                Push(new TorchDictionary(isOrderedDict: false));
                break;
            case PickleOpcode.Dict:
                var items = PopToMark();
                Push(new TorchDictionary(isOrderedDict: false));
                SetItems(items);
                break;
            case PickleOpcode.SetItem:
                SetItems(PopMany(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopToMark());
                break;

            case PickleOpcode.Mark:
                _marks.Push(_stack.Count);
                CountValue();
                break;
            case PickleOpcode.Pop:
                PopValueOrMark();
                break;
            case PickleOpcode.PopMark:
                PopToMark();
                break;
            case PickleOpcode.Dup:
                Push(Top());
                break;
            case PickleOpcode.BinPut:
                _memo[Take(1)[0]] = Top();
                break;
            case PickleOpcode.LongBinPut:
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top();
                break;
            case PickleOpcode.Memoize:
                _memo[(uint)_memo.Count] = Top();
                break;
            case PickleOpcode.BinGet:
                PushRemembered(Take(1)[0]);
                break;
            case PickleOpcode.LongBinGet:
                PushRemembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;

            case PickleOpcode.Global:
                PushGlobal(TakeLine(), TakeLine());
                break;
            case PickleOpcode.StackGlobal:
                var name = PopText("a global's name");
                PushGlobal(PopText("a global's module"), name);
                break;
            case PickleOpcode.Inst:
                throw Forbidden(TakeLine(), TakeLine());
            case PickleOpcode.Reduce:
                var arguments = PopTuple("REDUCE");
                Push(_objects.Call(Pop(), arguments));
                break;
            case PickleOpcode.Build:
                Build(state: Pop());
                break;
            case PickleOpcode.BinPersistentId:
                Push(_objects.Storage(PopTuple("BINPERSID")));
                break;

            default:
                throw Fault(Enum.IsDefined(opcode)
                    ? $"it uses the instruction {opcode}, which state dicts never need and which is not carried out here"
                    : $"byte 0x{(byte)opcode:x2} at {_position - 1} is no pickle instruction");
        }
    }

    private void RequireProtocol(byte protocol)
    {
        if (protocol is < 2 or > 5)
        {
            throw Fault($"its protocol is {protocol}; protocols 2 to 5 are read");
        }
    }

    /// <summary>State of an OrderedDict is its attributes (torch keeps <c>_metadata</c> there): not data, so it is dropped.</summary>
    private void Build(TorchValue state)
    {
        if (Top() is not TorchDictionary { IsOrderedDict: true } || state is not TorchDictionary)
        {
            throw Fault("it sets attributes of something other than an OrderedDict");
        }
    }

    private void PushGlobal(string module, string name) => Push(TorchGlobal.Find(module, name) ?? throw Forbidden(module, name));

    private CheckpointException Forbidden(string module, string name) => new(
        $"{_path}: its pickle names the Python global '{Printable(module)}.{Printable(name)}'. Loading it in Python would import and could run that code, so the file is refused; "
        + "only tensors, dictionaries, lists, numbers and texts are read. If you trust its origin, save the bare state dict again with torch.save, or get the model as safetensors.");

    private void SetItems(ReadOnlySpan<TorchValue> keysAndValues)
    {
        if (Top() is not TorchDictionary dictionary || keysAndValues.Length % 2 != 0)
        {
            throw Fault("it sets items of something that is not a dictionary");
        }

        for (var index = 0; index < keysAndValues.Length; index += 2)
        {
            dictionary.Set(TorchObjects.KeyText(keysAndValues[index]) ?? throw Fault("a dictionary has a key that is neither text nor a whole number"), keysAndValues[index + 1]);
        }
    }

    private void AppendTo(ReadOnlySpan<TorchValue> items)
    {
        if (Top() is not TorchSequence { IsTuple: false } list)
        {
            throw Fault("it appends to something that is not a list");
        }

        foreach (var item in items)
        {
            list.Add(item);
        }
    }

    private void PushSequence(bool isTuple, ReadOnlySpan<TorchValue> items)
    {
        var sequence = new TorchSequence(isTuple);
        foreach (var item in items)
        {
            sequence.Add(item);
        }

        Push(sequence);
    }

    private void Push(TorchValue value)
    {
        CountValue();
        _stack.Add(value);
    }

    private void CountValue()
    {
        if (++_valueCount > MaxValueCount)
        {
            throw Fault($"it makes more than {MaxValueCount} values");
        }
    }

    private void PushRemembered(uint index) =>
        Push(_memo.TryGetValue(index, out var value) ? value : throw Fault($"it recalls value {index}, which it did not store"));

    private TorchValue Top()
    {
        RequireAboveMark(1);
        return _stack[^1];
    }

    private TorchValue Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private void PopValueOrMark()
    {
        if (_marks.TryPeek(out var mark) && mark == _stack.Count)
        {
            _marks.Pop();
        }
        else
        {
            Pop();
        }
    }

    private TorchValue[] PopMany(int count)
    {
        RequireAboveMark(count);
        var values = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private TorchValue[] PopToMark() =>
        _marks.TryPop(out var mark) ? PopMany(_stack.Count - mark) : throw Fault("it ends a group that it did not begin");

    private void RequireAboveMark(int count)
    {
        if (_stack.Count - (_marks.TryPeek(out var mark) ? mark : 0) < count)
        {
            throw Fault("it takes more values than it made");
        }
    }

    private string PopText(string what) => Pop() is TorchText text ? text.Value : throw Fault($"{what} is not text");

    private TorchSequence PopTuple(string what) => Pop() is TorchSequence { IsTuple: true } tuple ? tuple : throw Fault($"the argument of {what} is not a tuple");

    private TorchInteger Long(ReadOnlySpan<byte> twosComplement)
    {
        if (twosComplement.Length > sizeof(long))
        {
            throw Fault($"it holds a whole number of {twosComplement.Length} bytes; at most 8 are read");
        }

        Span<byte> wide = stackalloc byte[sizeof(long)];
        wide.Fill(twosComplement.Length > 0 && (twosComplement[^1] & 0x80) != 0 ? (byte)0xff : (byte)0);
        twosComplement.CopyTo(wide);
        return new TorchInteger(BinaryPrimitives.ReadInt64LittleEndian(wide));
    }

    private static TorchText Text(ReadOnlySpan<byte> utf8) => new(Encoding.UTF8.GetString(utf8));

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_pickle.Length - _position))
        {
            throw Fault("it ends too early");
        }

        var bytes = _pickle.AsSpan(_position, (int)count);
        _position += (int)count;
        return bytes;
    }

    private string TakeLine()
    {
        var length = _pickle.AsSpan(_position).IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Fault("it ends too early");
        }

        var line = Encoding.UTF8.GetString(Take((ulong)length));
        _position++;
        return line;
    }

    /// <summary>A name from the file, fit for a terminal.</summary>
    private static string Printable(string text) => string.Concat(text.Take(200).Select(character =>
        char.IsControl(character) ? string.Create(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}") : character.ToString()));

    private CheckpointException Fault(string what) =>
        new($"{_path}: its pickle cannot be read: {what}. The file is damaged, or not a state dict saved by torch.save.");
}
