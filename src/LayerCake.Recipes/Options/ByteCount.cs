using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A size in bytes, written <c>8 GiB</c> or <c>1500 MB</c>.</summary>
public readonly record struct ByteCount(long Bytes)
{
    private const int MaxDigits = 6;

    private static readonly (string Name, long Bytes)[] s_units =
    [
        ("MB", 1_000_000), ("MiB", 1L << 20), ("GB", 1_000_000_000), ("GiB", 1L << 30), ("TB", 1_000_000_000_000), ("TiB", 1L << 40),
    ];

    internal const string Pattern = "^[1-9][0-9]{0,5} ?(MB|MiB|GB|GiB|TB|TiB)$";

    /// <summary>Reads a whole number of at most six digits and a unit; the unit's letters are exact, since <c>Mb</c> is a bit.</summary>
    public static bool TryParse(string text, out ByteCount count)
    {
        count = default;
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        if (digits is 0 or > MaxDigits || text[0] == '0')
        {
            return false;
        }

        var unit = text[digits..];
        unit = unit.StartsWith(' ') ? unit[1..] : unit;
        foreach (var (name, bytes) in s_units)
        {
            if (name == unit)
            {
                count = new ByteCount(long.Parse(text[..digits], CultureInfo.InvariantCulture) * bytes);
                return true;
            }
        }

        return false;
    }

    /// <summary>The largest unit that keeps the number whole.</summary>
    public override string ToString()
    {
        foreach (var (name, bytes) in s_units.OrderByDescending(unit => unit.Bytes))
        {
            if (Bytes > 0 && Bytes % bytes == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{Bytes / bytes} {name}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Bytes} bytes");
    }
}
