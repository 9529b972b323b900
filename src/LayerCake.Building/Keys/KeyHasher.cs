using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>
/// Hashes named fields. Every field is encoded as type tag, length of the name, name, length of the value, value; a group's value is its own
/// encoded fields. Lengths come first everywhere, so no two sets of fields share an encoding. Fields are sorted by name, so the order in which a
/// caller writes them does not matter.
/// </summary>
public sealed class KeyHasher : IKeyWriter
{
    private const byte StringTag = 1;
    private const byte IntegerTag = 2;
    private const byte BooleanTag = 3;
    private const byte GroupTag = 4;

    // Throws on a lone surrogate: replaced by U+FFFD, two different strings would hash alike.
    private static readonly UTF8Encoding StrictUtf8 = new(false, true);

    private readonly SortedDictionary<string, byte[]> _fields = new(StringComparer.Ordinal);

    public void Add(string name, string value) => Encode(name, StringTag, StrictUtf8.GetBytes(value));

    public void Add(string name, long value)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Encode(name, IntegerTag, bytes);
    }

    public void Add(string name, bool value) => Encode(name, BooleanTag, [value ? (byte)1 : (byte)0]);

    public void AddNested(string name, Action<IKeyWriter> write)
    {
        var group = new KeyHasher();
        write(group);
        Encode(name, GroupTag, group.Encoded());
    }

    public Digest ToDigest() => Digest.Of(Encoded());

    private void Encode(string name, byte tag, byte[] value)
    {
        var nameBytes = StrictUtf8.GetBytes(name);
        var field = new byte[1 + sizeof(int) + nameBytes.Length + sizeof(int) + value.Length];
        field[0] = tag;
        BinaryPrimitives.WriteInt32LittleEndian(field.AsSpan(1), nameBytes.Length);
        nameBytes.CopyTo(field, 5);
        BinaryPrimitives.WriteInt32LittleEndian(field.AsSpan(5 + nameBytes.Length), value.Length);
        value.CopyTo(field, 9 + nameBytes.Length);
        if (!_fields.TryAdd(name, field))
        {
            throw new ArgumentException($"The field '{name}' is written twice.", nameof(name));
        }
    }

    private byte[] Encoded()
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var field in _fields.Values)
        {
            buffer.Write(field);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
