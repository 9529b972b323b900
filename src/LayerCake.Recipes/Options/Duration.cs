using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A length of time of at least a second, written <c>2 h</c>, <c>90 min</c> or <c>30 s</c>.</summary>
public readonly record struct Duration(TimeSpan Time)
{
    private const int MaxDigits = 6;

    private static readonly (string Name, long Seconds)[] s_units = [("h", 3600), ("min", 60), ("s", 1)];

    internal const string Pattern = "^[1-9][0-9]{0,5} ?(s|min|h)$";

    /// <summary>Reads a whole number of at most six digits and a unit; <c>m</c> is none, since it may mean months.</summary>
    public static bool TryParse(string text, out Duration duration)
    {
        duration = default;
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
        foreach (var (name, seconds) in s_units)
        {
            if (name == unit)
            {
                // The longest a timer of .NET waits is 49 days; more is no limit.
                var time = Math.Min(long.Parse(text[..digits], CultureInfo.InvariantCulture) * seconds, 49L * 24 * 3600);
                duration = new Duration(TimeSpan.FromSeconds(time));
                return true;
            }
        }

        return false;
    }

    /// <summary>The largest unit that keeps the number whole.</summary>
    public override string ToString()
    {
        var all = (long)Time.TotalSeconds;
        var (name, seconds) = Array.Find(s_units, unit => all % unit.Seconds == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{all / seconds} {name}");
    }
}
