using System.Text;

namespace LayerCake.Building;

/// <summary>
/// A path below some folder, written with forward slashes and compared ordinally: <c>weights/layers.0.attention_norm.weight</c>. It cannot leave
/// the folder: not rooted, no <c>.</c> or <c>..</c> segment, no backslash, no drive, no control character.
/// </summary>
public readonly record struct RelativePath : IComparable<RelativePath>
{
    // The limits of Linux (PATH_MAX, NAME_MAX), in bytes of UTF-8.
    private const int MaxBytes = 4096;
    private const int MaxSegmentBytes = 255;

    private readonly string? _value;

    private RelativePath(string value) => _value = value;

    public string Value => _value ?? "";

    /// <summary>The last segment.</summary>
    public string Name => Value[(Value.LastIndexOf('/') + 1)..];

    /// <summary>The path without its last segment; null at the top.</summary>
    public RelativePath? Parent => Value.LastIndexOf('/') is var slash and > 0 ? new RelativePath(Value[..slash]) : null;

    /// <exception cref="FormatException">The text is not such a path; the message says why.</exception>
    public static RelativePath Parse(string text) =>
        FaultOf(text) is { } fault ? throw new FormatException($"'{Printable(text)}' is not a relative path: {fault}.") : new RelativePath(text);

    public static bool TryParse(string? text, out RelativePath path)
    {
        if (text is null || FaultOf(text) is not null)
        {
            path = default;
            return false;
        }

        path = new RelativePath(text);
        return true;
    }

    /// <summary>The place of this path below <paramref name="folder"/>, with the platform's separators.</summary>
    public string Below(string folder) =>
        Path.Combine(folder, Path.DirectorySeparatorChar == '/' ? Value : Value.Replace('/', Path.DirectorySeparatorChar));

    public RelativePath Append(string segment) => Parse(Value.Length == 0 ? segment : $"{Value}/{segment}");

    public int CompareTo(RelativePath other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => Value;

    private static string? FaultOf(string text)
    {
        if (text.Length == 0)
        {
            return "it is empty";
        }

        if (text[0] == '/')
        {
            return "it is rooted";
        }

        if (text.Length > 1 && text[1] == ':' && char.IsAsciiLetter(text[0]))
        {
            return "it names a drive";
        }

        var bytes = 0;
        foreach (var segment in text.AsSpan().Split('/'))
        {
            var part = text.AsSpan()[segment];
            if (part.Length == 0)
            {
                return "it has an empty segment";
            }

            if (part is "." or "..")
            {
                return $"it has a segment '{part}'";
            }

            if (CharacterFault(part) is { } fault)
            {
                return fault;
            }

            var length = Encoding.UTF8.GetByteCount(part);
            bytes += length + 1;
            if (length > MaxSegmentBytes)
            {
                return $"a segment is longer than {MaxSegmentBytes} bytes";
            }
        }

        return bytes > MaxBytes ? $"it is longer than {MaxBytes} bytes" : null;
    }

    private static string? CharacterFault(ReadOnlySpan<char> part)
    {
        for (var i = 0; i < part.Length; i++)
        {
            if (char.IsControl(part[i]))
            {
                return "it has a control character";
            }

            if (part[i] == '\\')
            {
                return "it has a backslash";
            }

            if (char.IsHighSurrogate(part[i]) && i + 1 < part.Length && char.IsLowSurrogate(part[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(part[i]))
            {
                return "it is not valid Unicode";
            }
        }

        return null;
    }

    private static string Printable(string text)
    {
        var printable = string.Create(Math.Min(text.Length, 200), text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? '?' : source[i];
            }
        });
        return text.Length > 200 ? printable + "…" : printable;
    }
}
