using System.Buffers.Binary;
using System.Globalization;

namespace LayerCake.Text.SentencePiece;

/// <summary>
/// Walks the fields of one protobuf message in place. A field that is not asked for is skipped, and one whose wire type is not the
/// expected one counts as unknown, as in protobuf itself.
/// </summary>
internal ref struct ProtobufReader
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly int _end;
    private int _position;
    private int _wireType;

    /// <summary>Reads the bytes from <paramref name="start"/> to <paramref name="end"/> of the file.</summary>
    public ProtobufReader(ReadOnlySpan<byte> data, int start, int end)
    {
        _data = data;
        _position = start;
        _end = end;
    }

    /// <summary>The number of the field at hand.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field, whose value must then be read or skipped.</summary>
    public bool Next()
    {
        if (_position >= _end)
        {
            return false;
        }

        int start = _position;
        ulong tag = Varint();
        Field = tag <= uint.MaxValue ? (int)(tag >> 3) : 0;
        _wireType = (int)(tag & 7);
        if (Field <= 0)
        {
            throw Broken("field number 0", start);
        }

        return true;
    }

    /// <summary>Whether the field at hand holds bytes: then their range in the file.</summary>
    public bool TryBytes(out int start, out int length)
    {
        if (_wireType != 2)
        {
            Skip();
            start = length = 0;
            return false;
        }

        length = Length();
        start = _position;
        _position += length;
        return true;
    }

    public bool TryVarint(out ulong value)
    {
        if (_wireType != 0)
        {
            Skip();
            value = 0;
            return false;
        }

        value = Varint();
        return true;
    }

    public bool TryFloat(out float value)
    {
        if (_wireType != 5)
        {
            Skip();
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadSingleLittleEndian(_data[Take(4)..]);
        return true;
    }

    /// <summary>Steps over the value of the field at hand.</summary>
    public void Skip()
    {
        switch (_wireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                int length = Length();
                _position += length;
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Broken(string.Create(CultureInfo.InvariantCulture, $"wire type {_wireType}"), _position - 1);
        }
    }

    private static InvalidDataException Broken(string what, int offset) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{what} at byte {offset}"));

    private int Take(int count)
    {
        if (_end - _position < count)
        {
            throw Broken("a value that is cut off", _position);
        }

        int start = _position;
        _position += count;
        return start;
    }

    private int Length()
    {
        int start = _position;
        ulong length = Varint();
        return length <= (ulong)(_end - _position)
            ? (int)length
            : throw Broken(
                string.Create(CultureInfo.InvariantCulture, $"a field of {length} bytes where {_end - _position} are left"), start);
    }

    private ulong Varint()
    {
        int start = _position;
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = _data[Take(1)];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Broken("a number of more than ten bytes", start);
    }
}
