using System.Runtime.InteropServices;
using System.Text;

namespace LayerCake.Chat.Terminal;

/// <summary>Reads prompts of several lines from a stream of UTF-8 bytes.</summary>
/// <param name="input">A terminal, a pipe or a file.</param>
/// <param name="terminator">The line that ends a prompt; empty for an empty line.</param>
internal sealed class PromptReader(Stream input, string terminator)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;
    private long _line;

    /// <summary>The lines up to the terminator, joined; null when the input has ended. An input that ends within a prompt ends the prompt.</summary>
    /// <exception cref="PromptException">A line is not UTF-8; the next call reads the prompt after this one.</exception>
    public string? Read()
    {
        List<string> lines = [];
        long? wrong = null;
        while (ReadLine() is { } bytes)
        {
            string line;
            try
            {
                line = Strict.GetString(bytes);
            }
            catch (DecoderFallbackException)
            {
                wrong ??= _line;
                continue;
            }

            if (line == terminator)
            {
                return Finished();
            }

            lines.Add(line);
        }

        return lines.Count == 0 && wrong is null ? null : Finished();

        string Finished() => wrong is null ? string.Join('\n', lines) : throw new PromptException($"line {wrong} of the input is not UTF-8; the prompt was not sent.");
    }

    /// <summary>The next line without its end; null when there is none.</summary>
    private byte[]? ReadLine()
    {
        List<byte> line = [];
        while (true)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, input.Read(_buffer));
                if (_end == 0)
                {
                    return line.Count == 0 ? null : Trimmed(line);
                }
            }

            var chunk = _buffer.AsSpan(_start, _end - _start);
            var length = chunk.IndexOf((byte)'\n');
            line.AddRange(length < 0 ? chunk : chunk[..length]);
            _start += length < 0 ? chunk.Length : length + 1;
            if (length >= 0)
            {
                return Trimmed(line);
            }
        }
    }

    private byte[] Trimmed(List<byte> line)
    {
        _line++;
        var bytes = CollectionsMarshal.AsSpan(line);
        if (_line == 1 && bytes.StartsWith("\uFEFF"u8))
        {
            bytes = bytes[3..];
        }

        return (bytes.EndsWith("\r"u8) ? bytes[..^1] : bytes).ToArray();
    }
}
