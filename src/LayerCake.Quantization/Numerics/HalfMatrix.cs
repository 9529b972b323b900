using System.Runtime.InteropServices;

namespace LayerCake.Quantization.Numerics;

/// <summary>A float16 matrix [rows, columns], row-major; a vector is one row. Owns its memory.</summary>
internal sealed unsafe class HalfMatrix : IDisposable
{
    private readonly NativeBuffer _buffer;

    public HalfMatrix(string name, int rows, int columns, BufferPool? pool = null)
    {
        (Name, Rows, Columns) = (name, rows, columns);
        var byteCount = (long)rows * columns * sizeof(ushort);
        _buffer = pool?.Rent(byteCount) ?? new NativeBuffer(byteCount, pool: null);
    }

    /// <summary>The tensor's name, for messages.</summary>
    public string Name { get; }

    public int Rows { get; }

    public int Columns { get; }

    public long ElementCount => (long)Rows * Columns;

    public ushort* Pointer => (ushort*)_buffer.Pointer;

    public ushort* RowPointer(int row) => Pointer + ((long)row * Columns);

    public Span<Half> Row(int row) => new(RowPointer(row), Columns);

    /// <summary>The bytes from <paramref name="offset"/> on, at most <paramref name="most"/>.</summary>
    public Span<byte> Bytes(long offset, int most) => new(_buffer.Pointer + offset, (int)Math.Min(most, _buffer.ByteCount - offset));

    public static HalfMatrix From(string name, int rows, int columns, ReadOnlySpan<Half> values)
    {
        var matrix = new HalfMatrix(name, rows, columns);
        for (var row = 0; row < rows; row++)
        {
            values.Slice(row * columns, columns).CopyTo(matrix.Row(row));
        }

        return matrix;
    }

    public Half[] ToArray()
    {
        var values = new Half[checked(Rows * Columns)];
        MemoryMarshal.Cast<byte, Half>(Bytes(0, values.Length * sizeof(ushort))).CopyTo(values);
        return values;
    }

    public void Dispose() => _buffer.Dispose();
}
