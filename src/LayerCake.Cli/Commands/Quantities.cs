using System.Globalization;

namespace LayerCake.Cli.Commands;

/// <summary>Sizes and spans of time as people write them: <c>50GB</c>, <c>1.5TiB</c>, <c>30d</c>, <c>12h</c>.</summary>
internal static class Quantities
{
    private static readonly (string Unit, double Bytes)[] Sizes =
    [
        ("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("KB", 1e3), ("B", 1),
    ];

    private static readonly (string Unit, double Seconds)[] Spans = [("w", 7 * 86400), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1)];

    /// <exception cref="UsageException">It is no size; the message names the option.</exception>
    public static long? Bytes(string option, string? text) =>
        text is null ? null : (long)Read(option, text, Sizes, 1e18, "a size such as 50GB, 500MB or 20GiB");

    /// <exception cref="UsageException">It is no span of time; the message names the option.</exception>
    public static TimeSpan? Span(string option, string? text) =>
        text is null ? null : TimeSpan.FromSeconds(Read(option, text, Spans, 1e10, "a span of time such as 30d, 12h or 2w"));

    /// <summary><c>12.34 MB</c>.</summary>
    public static string Show(long bytes) => bytes switch
    {
        >= 1_000_000_000_000 => (bytes / 1e12).ToString("0.00 TB", CultureInfo.InvariantCulture),
        >= 1_000_000_000 => (bytes / 1e9).ToString("0.00 GB", CultureInfo.InvariantCulture),
        _ => (bytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture),
    };

    private static double Read(string option, string text, (string Unit, double Factor)[] units, double most, string what)
    {
        foreach (var (unit, factor) in units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number * factor <= most)
            {
                return number * factor;
            }
        }

        throw new UsageException($"{option} takes {what}, not '{text}'.");
    }
}
