namespace LayerCake.Building;

/// <summary>Reads lines as bytes, in memory that a hostile file cannot make large.</summary>
internal sealed class LineReader(Stream stream, int maxBytes)
{
    private byte[] _buffer = new byte[1 << 14];
    private int _start;
    private int _end;

    /// <summary>Whether the line returned last had no newline: the file ends with it.</summary>
    public bool IsUnfinished { get; private set; }

    /// <summary>The next line without its newline, valid until the next call; null at the end.</summary>
    /// <exception cref="FormatException">The line is too long.</exception>
    public ReadOnlyMemory<byte>? Next()
    {
        var searched = 0;
        while (true)
        {
            var newline = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + newline);
                _start += searched + newline + 1;
                return line;
            }

            searched = _end - _start;
            if (searched > maxBytes)
            {
                throw new FormatException($"it is longer than {maxBytes} bytes");
            }

            if (!Fill())
            {
                IsUnfinished = searched > 0;
                var rest = _buffer.AsMemory(_start, searched);
                _start = _end;
                return searched > 0 ? rest : (ReadOnlyMemory<byte>?)null;
            }
        }
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        var read = stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }
}
