using System.Globalization;

namespace LayerCake.Reporting;

/// <summary>Durations as people read them.</summary>
internal static class Durations
{
    public static string Short(TimeSpan time) => time switch
    {
        { TotalMilliseconds: < 1 } => "0 s",
        { TotalSeconds: < 1 } => time.TotalMilliseconds.ToString("0 'ms'", CultureInfo.InvariantCulture),
        { TotalSeconds: < 10 } => time.TotalSeconds.ToString("0.00 's'", CultureInfo.InvariantCulture),
        { TotalSeconds: < 60 } => time.TotalSeconds.ToString("0.0 's'", CultureInfo.InvariantCulture),
        { TotalMinutes: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds:00} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours} h {time.Minutes:00} min"),
    };
}
