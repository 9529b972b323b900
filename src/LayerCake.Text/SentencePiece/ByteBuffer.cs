using System.Buffers;
using System.Globalization;
using System.Text;

namespace LayerCake.Text.SentencePiece;

/// <summary>Bytes that are appended to, in memory lent by the pool until disposal.</summary>
internal sealed class ByteBuffer : IDisposable
{
    private byte[] _bytes;

    public ByteBuffer(int capacity)
    {
        _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(16, capacity));
    }

    public int Length { get; private set; }

    /// <summary>The memory behind the content. It changes when bytes are appended, and belongs to the pool after disposal.</summary>
    public byte[] Memory => _bytes;

    public ReadOnlySpan<byte> Content => _bytes.AsSpan(0, Length);

    public void Append(byte value)
    {
        if (Length == _bytes.Length)
        {
            Grow(1);
        }

        _bytes[Length++] = value;
    }

    public void Append(ReadOnlySpan<byte> values)
    {
        if (_bytes.Length - Length < values.Length)
        {
            Grow(values.Length);
        }

        values.CopyTo(_bytes.AsSpan(Length));
        Length += values.Length;
    }

    /// <summary>Appends text as UTF-8; half a surrogate pair becomes U+FFFD.</summary>
    public void Append(string text)
    {
        int byteCount = Encoding.UTF8.GetByteCount(text);
        if (_bytes.Length - Length < byteCount)
        {
            Grow(byteCount);
        }

        Length += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(Length));
    }

    /// <summary>Cuts the content to its first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>Removes the first <paramref name="count"/> bytes.</summary>
    public void RemoveFirst(int count)
    {
        Content[count..].CopyTo(_bytes);
        Length -= count;
    }

    public void Dispose()
    {
        byte[] bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Grow(int more)
    {
        long needed = (long)Length + more;
        if (needed > Array.MaxLength)
        {
            throw new TokenizerException(string.Create(
                CultureInfo.InvariantCulture, $"The text is too long: it takes more than {Array.MaxLength} bytes. Encode it in parts."));
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Math.Max(_bytes.Length * 2L, needed), Array.MaxLength));
        Content.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
